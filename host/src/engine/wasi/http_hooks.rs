//! This module sends an instance's requests with the handler's [`Network`].

use std::sync::Arc;

use http::{HeaderName, header::HOST};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

use crate::network::{BodyError, Error, Network, Share, Timeouts};

/// The number of bytes of a request's body that a guest may write at a time. The host holds two pieces of each body.
const PIECE_BYTES: usize = 32 * 1024;

/// The maximum size of the names and values of one list of headers, in bytes.
pub(in crate::engine) const HEADERS_LIMIT_BYTES: usize = 32 * 1024;

/// Sends an instance's requests with the handler's network.
pub(in crate::engine) struct HttpHooks {
    network: Option<Arc<Network>>,
    in_flight: usize,
    /// Made when the instance first sends a request.
    share: Option<Share>,
    /// Whether `host` is among the headers of the request that is made for the guest. Elsewhere it is forbidden,
    /// because it is part of the URI.
    pub(in crate::engine) lets_host_in: bool,
    /// Whether the instance makes a response that is streamed.
    pub(in crate::engine) streams_response: bool,
}

impl HttpHooks {
    /// Returns the hooks of an instance that may have this many requests in flight.
    pub(in crate::engine) fn new(network: Option<Arc<Network>>, in_flight: usize) -> Self {
        Self { network, in_flight, share: None, lets_host_in: false, streams_response: false }
    }
}

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), WasiError>> + Send>);

impl WasiHttpHooks for HttpHooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), WasiError>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, WasiError>> + Send> {
        let share = self.share.get_or_insert_with(|| Share::new(self.in_flight)).clone();
        let Some(network) = self.network.clone() else {
            return Box::new(async { Err(WasiError::HttpRequestDenied) });
        };
        let options = options.unwrap_or_default();
        let timeouts = Timeouts {
            connect: options.connect_timeout,
            first_byte: options.first_byte_timeout,
            between_bytes: options.between_bytes_timeout,
        };
        let request = request.map(|body| body.map_err(|error| BodyError(error.to_string())).boxed_unsync());
        Box::new(async move {
            let response = network.send(request, timeouts, &share).await.map_err(for_guest)?;
            let response = response.map(|body| body.map_err(for_guest).boxed_unsync());
            // The connection's own task outlives the response.
            let nothing_left: Box<dyn Future<Output = Result<(), WasiError>> + Send> = Box::new(async { Ok(()) });
            Ok((response, nothing_left))
        })
    }

    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name) && !(self.lets_host_in && name == HOST)
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES
    }
}

/// Returns the error as a guest sees it.
fn for_guest(error: Error) -> WasiError {
    use std::io::ErrorKind;
    match error {
        Error::Denied(_) => WasiError::HttpRequestDenied,
        Error::ProhibitedAddress(_) => WasiError::DestinationIpProhibited,
        Error::Malformed(_) => WasiError::HttpRequestUriInvalid,
        Error::NotSigned(_) => WasiError::InternalError(Some(error.to_string())),
        Error::BodyTooLarge(limit) => WasiError::HttpRequestBodySize(Some(limit)),
        Error::Lookup(error) => WasiError::DnsError { rcode: Some(error.to_string()), info_code: None },
        Error::Connect(error) => match error.kind() {
            ErrorKind::ConnectionRefused => WasiError::ConnectionRefused,
            ErrorKind::TimedOut => WasiError::ConnectionTimeout,
            _ => WasiError::DestinationUnavailable,
        },
        Error::Tls(_) => WasiError::TlsProtocolError,
        Error::Certificate(_) => WasiError::TlsCertificateError,
        Error::ConnectTimeout => WasiError::ConnectionTimeout,
        Error::FirstByteTimeout | Error::BetweenBytesTimeout => WasiError::ConnectionReadTimeout,
        Error::HeadTooLarge => WasiError::HttpResponseHeaderSectionSize(None),
        Error::Http(error) if error.is_parse() => WasiError::HttpProtocolError,
        Error::Http(error) if error.is_body_write_aborted() || error.is_user() => WasiError::HttpProtocolError,
        Error::Http(_) => WasiError::ConnectionTerminated,
        Error::Roots(_) => WasiError::ConfigurationError,
    }
}

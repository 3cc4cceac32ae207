//! This module has the client that has the host send requests.

use std::{error::Error, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use guesthouse_executor::Ready;
use http::{Method, Request, Response, request::Parts, uri::Scheme};
use wasip2::http::{
    outgoing_handler,
    types::{ErrorCode, Fields, Method as WasiMethod, OutgoingRequest, RequestOptions, Scheme as WasiScheme},
};

use crate::body::{Incoming, send};

/// Returns the client that has the host send requests, for clients that are configured by hand.
pub fn http_client() -> SharedHttpClient {
    Client.into_shared()
}

#[derive(Debug)]
struct Client;

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { connect: settings.connect_timeout(), read: settings.read_timeout() })
    }
}

#[derive(Debug)]
struct Connector {
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let options = RequestOptions::new();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // A host that can't keep one of these times still sends the request.
        let _ = options.set_connect_timeout(self.connect.map(nanoseconds));
        let _ = options.set_first_byte_timeout(self.read.map(nanoseconds));
        let _ = options.set_between_bytes_timeout(self.read.map(nanoseconds));
        HttpConnectorFuture::new(async move {
            let (parts, body) = request.try_into_http1x().map_err(unusable)?.into_parts();
            exchange(parts, body, options).await
        })
    }
}

/// Sends a request, and waits for the beginning of its response.
async fn exchange(parts: Parts, body: SdkBody, options: RequestOptions) -> Result<HttpResponse, ConnectorError> {
    let request = outgoing(&Request::from_parts(parts, ()))?;
    let outgoing = request.body().map_err(|()| unusable("a request has one body"))?;
    let response = outgoing_handler::handle(request, Some(options)).map_err(failed)?;
    send(body, outgoing).await.map_err(unusable)?;
    Ready::new(response.subscribe()).await;
    let response = response.get().and_then(Result::ok).ok_or_else(|| unusable("there is no response"))?;
    let response = response.map_err(failed)?;
    let mut builder = Response::builder().status(response.status());
    for (name, value) in response.headers().entries() {
        builder = builder.header(name, value);
    }
    let body = response.consume().map_err(|()| unusable("a response has one body"))?;
    let response = builder.body(SdkBody::from_body_1_x(Incoming::new(body))).map_err(unusable)?;
    HttpResponse::try_from(response).map_err(unusable)
}

/// Makes the host's request of one without a body.
fn outgoing(request: &Request<()>) -> Result<OutgoingRequest, ConnectorError> {
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let headers = Fields::from_list(&headers.collect::<Vec<_>>()).map_err(unusable)?;
    let outgoing = OutgoingRequest::new(headers);
    let method = match *request.method() {
        Method::GET => WasiMethod::Get,
        Method::HEAD => WasiMethod::Head,
        Method::POST => WasiMethod::Post,
        Method::PUT => WasiMethod::Put,
        Method::DELETE => WasiMethod::Delete,
        Method::PATCH => WasiMethod::Patch,
        Method::OPTIONS => WasiMethod::Options,
        ref other => WasiMethod::Other(other.to_string()),
    };
    let uri = request.uri();
    let scheme = if uri.scheme() == Some(&Scheme::HTTP) { WasiScheme::Http } else { WasiScheme::Https };
    let set = outgoing.set_method(&method).and_then(|()| outgoing.set_scheme(Some(&scheme)));
    let set = set.and_then(|()| outgoing.set_authority(uri.authority().map(|authority| authority.as_str())));
    let set = set.and_then(|()| outgoing.set_path_with_query(uri.path_and_query().map(|path| path.as_str())));
    set.map_err(|()| unusable(format!("the host does not take `{} {uri}`", request.method())))?;
    Ok(outgoing)
}

/// Says that it is no use to try it again.
fn unusable(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::other(error.into(), Some(ErrorKind::ClientError))
}

/// Says what the host says of a request that it could not send.
fn failed(code: ErrorCode) -> ConnectorError {
    match code {
        ErrorCode::HttpRequestDenied => {
            unusable("HTTP-request-denied: no rule of network.allow grants it, which the host's log names")
        }
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => ConnectorError::timeout(code.into()),
        other => ConnectorError::io(other.into()),
    }
}

//! This module establishes connections: to the server itself, or to a proxy.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Uri, header::PROXY_AUTHORIZATION};
use http_body_util::Empty;
use hyper::{
    client::conn::http1,
    rt::{Read, Write},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use super::{
    RequestBody,
    proxy::Proxy,
    resolve::{self, Lookup},
    tls,
};
use crate::network::{Error, rules::Grant, runtime_api::RuntimeApi};

/// A connection on which requests can be sent.
pub type Sender = http1::SendRequest<RequestBody>;

/// The maximum size of a response's head, and of what is read ahead of a body, in bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The maximum number of headers of a response.
const HEADERS_LIMIT: usize = 256;

/// The maximum time for one of several addresses, before the next one is tried.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(3);

/// Establishes a connection for requests to what is granted.
///
/// # Errors
/// Returns the reason why there is no connection.
pub async fn connect(
    grant: &Grant,
    is_secure: bool,
    proxy: Option<&Proxy>,
    runtime_api: &RuntimeApi,
    lookup: Lookup,
) -> Result<Sender, Error> {
    let Some(proxy) = proxy else {
        let addresses = resolve::addresses(grant, runtime_api, lookup).await?;
        let stream = dial(&addresses).await?;
        return if is_secure {
            open(TokioIo::new(tls::secure(&grant.host, stream).await?)).await
        } else {
            open(TokioIo::new(stream)).await
        };
    };
    let addresses = lookup(proxy.host.clone(), proxy.port).await.map_err(Error::Lookup)?;
    let stream = dial(&addresses).await?;
    if is_secure {
        let tunnel = TokioIo::new(tunnel(stream, grant, proxy).await?);
        open(TokioIo::new(tls::secure(&grant.host, tunnel).await?)).await
    } else {
        open(TokioIo::new(stream)).await
    }
}

/// Establishes a connection without TLS to one of these addresses.
///
/// # Errors
/// Returns the reason why there is no connection.
pub async fn plain(addresses: &[SocketAddr]) -> Result<Sender, Error> {
    open(TokioIo::new(dial(addresses).await?)).await
}

/// Connects to the first address that accepts.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (at, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(address);
        // The guest's own limit, or the deadline, counts for the last one.
        let connected = match at + 1 == addresses.len() {
            true => connecting.await,
            false => timeout(ADDRESS_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        };
        match connected {
            Ok(stream) => {
                // Without this option, a small body waits for the acknowledgement of the head.
                stream.set_nodelay(true).map_err(Error::Connect)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(Error::Connect(last))
}

/// Asks the proxy for a connection to the server.
async fn tunnel(stream: TcpStream, grant: &Grant, proxy: &Proxy) -> Result<hyper::upgrade::Upgraded, Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let target = format!("{}:{}", grant.host, grant.port);
    let malformed = |error: http::Error| Error::Malformed(error.to_string());
    let uri = Uri::builder().authority(target.as_str()).build().map_err(malformed)?;
    let mut request = Request::builder().method(Method::CONNECT).uri(uri).header(http::header::HOST, &target);
    if let Some(authorization) = &proxy.authorization {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).map_err(malformed)?).await?;
    if !response.status().is_success() {
        let refused = format!("the proxy refused the connection with the status {}", response.status());
        return Err(Error::Connect(io::Error::new(io::ErrorKind::ConnectionRefused, refused)));
    }
    Ok(hyper::upgrade::on(response).await?)
}

/// Begins HTTP/1.1 on a connection. A task on this thread's executor drives it until it ends.
async fn open(stream: impl Read + Write + Send + Unpin + 'static) -> Result<Sender, Error> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ_BUFFER_BYTES).max_headers(HEADERS_LIMIT);
    let (sender, connection) = builder.handshake(stream).await?;
    // The error, if there is one, is also that of the request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

//! This module establishes connections: to the server itself, or to a proxy.

use std::{io, net::SocketAddr, time::Duration};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    proxy::Proxy,
    request::RequestBody,
    resolve::{self, Lookup},
    stream::Stream,
    tls,
};
use crate::network::{Error, rules::Grant, runtime_api::RuntimeApi};

/// A connection on which requests can be sent.
pub type Sender = http1::SendRequest<RequestBody>;

/// The maximum size of a response's head, and of what is read ahead of a body, in bytes.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The maximum size of a proxy's response, in bytes.
const PROXY_HEAD_BYTES: usize = 8 * 1024;

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
    let stream = match proxy {
        None => dial(&resolve::addresses(grant, runtime_api, lookup).await?).await?,
        Some(proxy) => {
            let stream = dial(&lookup(proxy.host.clone(), proxy.port).await.map_err(Error::Lookup)?).await?;
            if is_secure { tunnel(stream, grant, proxy).await? } else { stream }
        }
    };
    open(if is_secure { tls::secure(&grant.host, stream).await? } else { stream }).await
}

/// Establishes a connection without TLS to one of these addresses.
///
/// # Errors
/// Returns the reason why there is no connection.
pub async fn plain(addresses: &[SocketAddr]) -> Result<Sender, Error> {
    open(dial(addresses).await?).await
}

/// Connects to the first address that accepts.
async fn dial(addresses: &[SocketAddr]) -> Result<Box<dyn Stream>, Error> {
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
                return Ok(Box::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(Error::Connect(last))
}

/// Asks the proxy for a connection to the server. Source: RFC 9110, section 9.3.6.
async fn tunnel(mut stream: Box<dyn Stream>, grant: &Grant, proxy: &Proxy) -> Result<Box<dyn Stream>, Error> {
    let target = format!("{}:{}", grant.host, grant.port);
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend([b"Proxy-Authorization: ", authorization.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await.map_err(Error::Connect)?;
    let mut head = Vec::new();
    // The server behind the proxy says nothing before it is spoken to, so nothing follows the head.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_BYTES {
            return Err(Error::HeadTooLarge);
        }
        head.push(stream.read_u8().await.map_err(Error::Connect)?);
    }
    let status = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if status.starts_with(b"2") {
        return Ok(stream);
    }
    let refused = format!("the proxy refused the connection with the status {}", String::from_utf8_lossy(status));
    Err(Error::Connect(io::Error::new(io::ErrorKind::ConnectionRefused, refused)))
}

/// Begins HTTP/1.1 on a connection. A task on this thread's executor drives it until it ends.
async fn open(stream: Box<dyn Stream>) -> Result<Sender, Error> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(READ_BUFFER_BYTES).max_headers(HEADERS_LIMIT);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // The error, if there is one, is also that of the request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

//! This module gets a small document from a server of the environment itself, for the host.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header::HOST};
use http_body_util::{BodyExt as _, Limited};

use super::{
    connect,
    request::{RequestBody, path_of},
    resolve::system_lookup,
};
use crate::network::Error;

/// Gets a document of at most `limit` bytes over plain HTTP, without the rules for guests.
///
/// # Errors
/// Returns the reason why there is none. A status other than 200 is an error.
pub async fn get(uri: &Uri, header: Option<(HeaderName, HeaderValue)>, limit: usize) -> Result<Bytes, Error> {
    let malformed = |what: &str| Error::Malformed(format!("`{uri}` {what}"));
    let host = uri.host().ok_or_else(|| malformed("has no host"))?;
    if uri.scheme_str() != Some("http") {
        return Err(malformed("is not an address with `http`"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let addresses = system_lookup(bare, uri.port_u16().unwrap_or(80)).await.map_err(Error::Lookup)?;
    let mut sender = connect::plain(&addresses).await?;
    let mut request = Request::new(RequestBody::default());
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    request.headers_mut().insert(HOST, HeaderValue::try_from(authority).map_err(|_| malformed("has no host"))?);
    request.headers_mut().extend(header);
    *request.uri_mut() = path_of(uri)?;
    let response = sender.send_request(request).await?;
    if response.status() != http::StatusCode::OK {
        return Err(malformed(&format!("returned the status {}", response.status().as_u16())));
    }
    let body = Limited::new(response.into_body(), limit).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|_| malformed("returned too much, or ended in the middle"))
}

//! This module has what requests of guests and of the host have in common.

use bytes::Bytes;
use http::Uri;
use http_body_util::combinators::UnsyncBoxBody;

use crate::network::Error;

/// The body of a request.
pub type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// Describes why a guest did not finish the body of a request.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// Returns what the server itself is told of an address: the path and the query.
///
/// # Errors
/// Returns [`Error::Malformed`] if it has no such path.
pub fn path_of(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // A path of `*`, or one that begins with a query, is not one that servers take.
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    path.parse().map_err(|_| Error::Malformed("the path is not one of an address".to_owned()))
}

//! This module makes the HTTP client that all remote sources share.

use std::{net::IpAddr, sync::Once, time::Duration};

use reqwest::{
    Client, Url,
    redirect::{Action, Attempt, Policy},
};

use crate::source::access::RemoteAccess;

/// The maximum time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The maximum time in which a server sends nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum time in which a server sends nothing, during uploads.
const UPLOAD_READ_TIMEOUT: Duration = Duration::from_secs(600);

/// The maximum number of redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Returns the HTTP client of this access. The first call makes it: that reads the machine's certificates, which takes
/// milliseconds.
///
/// # Errors
/// If this machine has no certificates.
pub(super) fn client(access: &RemoteAccess) -> Result<Client, reqwest::Error> {
    if let Some(client) = access.client.get() {
        return Ok(client.clone());
    }
    let timeout = if access.has_upload_timeout { UPLOAD_READ_TIMEOUT } else { READ_TIMEOUT };
    let client = build(timeout, Policy::custom(follow))?;
    Ok(access.client.get_or_init(|| client).clone())
}

/// Makes a client.
///
/// # Errors
/// If this machine has no certificates.
pub(super) fn build(read_timeout: Duration, redirects: Policy) -> Result<Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    // This fails only if another provider is installed already, which serves as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .user_agent(concat!("guesthouse/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read_timeout)
        .redirect(redirects)
        .build()
}

/// Follows a redirect, unless there were too many, it changes the scheme, or it leaves the loopback interface without
/// TLS.
fn follow(attempt: Attempt<'_>) -> Action {
    let Some(first) = attempt.previous().first() else { return attempt.follow() };
    let to = attempt.url();
    let reason = if attempt.previous().len() > MAX_REDIRECTS {
        format!("more than {MAX_REDIRECTS} redirects")
    } else if to.scheme() != first.scheme() {
        format!("a redirect from `{}` to `{}`", first.scheme(), to.scheme())
    } else if to.scheme() == "http" && is_loopback(first) && !is_loopback(to) {
        "a redirect away from the loopback interface without TLS".to_owned()
    } else {
        return attempt.follow();
    };
    attempt.error(reason)
}

/// Returns whether an address is on the loopback interface, judged by its host name.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

//! This module makes the TLS configuration that all connections of guests share.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use rustls::{ClientConfig, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::stream::Stream;
use crate::network::{Error, host::Host};

/// Establishes TLS over a connection to this host. The server's certificate must be for the host, and be trusted by
/// this machine, or by the file that `SSL_CERT_FILE` names.
///
/// # Errors
/// Returns [`Error::Certificate`], [`Error::Tls`] or [`Error::Roots`].
pub async fn secure(host: &Host, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, Error> {
    let name = match host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|_| Error::Malformed(format!("`{name}` can't be the name of a server with TLS")))?,
    };
    let connected = TlsConnector::from(config()?).connect(name, stream).await;
    match connected {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if is_about_certificate(&error) => Err(Error::Certificate(error)),
        Err(error) => Err(Error::Tls(error)),
    }
}

/// Returns the configuration. The first call makes it: that reads this machine's certificates, which takes
/// milliseconds.
fn config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(Error::Roots)?
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

/// Returns whether a handshake failed because of the server's certificate.
fn is_about_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

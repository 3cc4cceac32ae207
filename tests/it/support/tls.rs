//! A server's certificate, and the one that signed it.

use std::{path::PathBuf, sync::Arc};

use rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// What a server needs to speak TLS, and its clients to trust it.
pub struct Tls {
    pub config: Arc<ServerConfig>,
    /// A file with the certificate that signed the server's own.
    pub authority: PathBuf,
    /// Holds the file, and the server's own `own.pem` and `own.key`.
    pub directory: tempfile::TempDir,
}

impl Tls {
    /// For these names.
    pub fn new(names: &[&str]) -> Self {
        let (authority_key, mut params) = (rcgen::KeyPair::generate().unwrap(), rcgen::CertificateParams::default());
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::from_params(&params, &authority_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let own = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let authority = directory.path().join("authority.pem");
        std::fs::write(&authority, certificate.pem()).unwrap();
        std::fs::write(directory.path().join("own.pem"), own.pem()).unwrap();
        std::fs::write(directory.path().join("own.key"), key.serialize_pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![own.der().clone()], key).unwrap();
        Self { config: Arc::new(config), authority, directory }
    }
}

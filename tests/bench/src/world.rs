//! This module serves what the handlers of the network's benchmark reach, on threads of this process: a small message,
//! and an item of DynamoDB. It answers from memory, so that what is measured is the client.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// What a `GET` is answered with. DynamoDB's client sends a `POST`.
pub const MESSAGE: &str = r#"{"message":"Hello Guesthouse!"}"#;
const ITEM: &str = r#"{"Item":{"id":{"S":"1"},"name":{"S":"Ada"}}}"#;

/// A `World` listens on two ports of the loopback interface until the process ends.
pub struct World {
    /// The URL without TLS, and that with it.
    pub http: String,
    pub https: String,
    /// The file with the certificate that signed the server's own.
    pub authority: PathBuf,
    handshakes: Arc<AtomicUsize>,
}

impl World {
    /// Starts the servers. `directory` is where the file with the certificate is written.
    pub fn start(directory: &Path) -> io::Result<Self> {
        let authority = directory.join("authority.pem");
        let config = Arc::new(certificates(&authority).map_err(io::Error::other)?);
        let handshakes = Arc::new(AtomicUsize::new(0));
        let (plain, with_tls) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let (http, https) = (plain.local_addr()?.port(), with_tls.local_addr()?.port());
        let counted = handshakes.clone();
        listen(plain, |stream| speak(stream, || ()));
        listen(with_tls, move |stream| {
            let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            // A request is only read where the handshake has succeeded.
            let mut is_counted = false;
            speak(StreamOwned::new(connection, stream), || {
                if !std::mem::replace(&mut is_counted, true) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let (http, https) = (format!("http://localhost:{http}"), format!("https://localhost:{https}"));
        Ok(Self { http, https, authority, handshakes })
    }

    /// Returns the number of TLS connections on which a request came so far.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
}

/// Serves each connection on a thread of its own.
fn listen(listener: TcpListener, serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || {
                // A contestant that fails says so itself, and all of them hang up in the end.
                let _ = stream.set_nodelay(true).and_then(|()| serve(stream));
            });
        }
    });
}

/// Answers requests until the client hangs up.
fn speak(stream: impl Read + Write, mut asked: impl FnMut()) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_get = line.starts_with("GET ");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
        asked();
        let (kind, body) = if is_get { ("json", MESSAGE) } else { ("x-amz-json-1.0", ITEM) };
        let (checksum, bytes) = (crc32fast::hash(body.as_bytes()), body.len());
        // In one piece, as servers send a small response.
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/{kind}\r\ncontent-length: {bytes}\r\n\
             x-amzn-requestid: 4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n\
             x-amz-crc32: {checksum}\r\n\r\n{body}",
        );
        stream.get_mut().write_all(response.as_bytes())?;
    }
}

/// Returns a server's configuration with a new certificate for `localhost`, and writes the one that signed it.
fn certificates(authority: &Path) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let (authority_key, mut params) = (KeyPair::generate()?, CertificateParams::default());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With another name than that of the server's certificate, which some clients would take for one that signs itself.
    params.distinguished_name.push(DnType::CommonName, "the benchmark's authority");
    fs::write(authority, params.self_signed(&authority_key)?.pem())?;
    let (issuer, key) = (Issuer::from_params(&params, &authority_key), KeyPair::generate()?);
    let own = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_no_client_auth().with_single_cert(vec![own.der().clone()], key)?)
}

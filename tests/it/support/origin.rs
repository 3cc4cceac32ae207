//! A server for guests in this process, with TLS or without, that does what the test says, and counts.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use guesthouse::digest::Digest;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{PATIENCE, http::Message, tls::Tls};

/// What the server does with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// What it should.
    Serve,
    /// It responds with this status.
    Status(&'static str),
    /// It sends half of the body, and hangs up.
    DieMidBody,
    /// It takes the request, and says nothing until the mode is another.
    Hang,
    /// It sends half of the body, and no more until the mode is another.
    HangMidBody,
    /// It redirects here.
    Redirect(String),
    /// It announces 10 GB, or sends them without that.
    Huge { announced: bool },
    /// It responds with a web page.
    Html,
    /// Responds as a registry that requires this value of `Authorization`: a request without one gets a challenge, and
    /// any other value is refused.
    Login(String),
}

/// A request, and what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub is_conditional: bool,
    pub status: &'static str,
    pub body_bytes: usize,
}

/// The server.
pub struct Origin {
    pub address: String,
    shared: Arc<Shared>,
    /// The certificate that signed the server's own, in a file.
    authority: Option<(PathBuf, tempfile::TempDir)>,
}

struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    mode: Mutex<Mode>,
    changed: Condvar,
    asked: Mutex<Vec<Asked>>,
}

impl Origin {
    /// Without TLS.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// With TLS, for `localhost`.
    pub fn with_tls() -> Self {
        Self::with_tls_for(&["localhost"])
    }

    /// With TLS, for these names.
    pub fn with_tls_for(names: &[&str]) -> Self {
        let tls = Tls::new(names);
        Self { authority: Some((tls.authority, tls.directory)), ..Self::serve(Some(tls.config)) }
    }

    fn serve(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            files: Mutex::default(),
            mode: Mutex::new(Mode::Serve),
            changed: Condvar::new(),
            asked: Mutex::default(),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (serving.clone(), tls.clone());
                thread::spawn(move || {
                    // A client that hangs up is what some tests are about.
                    let _ = match tls {
                        None => shared.speak(stream),
                        Some(config) => shared.speak(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
                    };
                });
            }
        });
        Self { address, shared, authority: None }
    }

    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.shared.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    pub fn remove(&self, path: &str) {
        self.shared.files.lock().unwrap().remove(path);
    }

    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
        self.shared.changed.notify_all();
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// `http://…` or `https://…`.
    pub fn url(&self, path: &str) -> String {
        match self.authority {
            None => format!("http://{}{path}", self.address),
            Some(_) => format!("https://localhost:{}{path}", self.address.rsplit(':').next().unwrap()),
        }
    }

    /// A file with the certificate to trust.
    pub fn authority(&self) -> &Path {
        &self.authority.as_ref().expect("TLS").0
    }
}

impl Shared {
    fn speak<S: Read + Write>(&self, stream: S) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = Message::read(&mut stream)? {
            let mode = self.mode.lock().unwrap().clone();
            // A connection that ends where nobody said so may take the client's next request with it.
            let is_last = matches!(mode, Mode::DieMidBody | Mode::Hang | Mode::HangMidBody | Mode::Huge { .. });
            self.response(&request, mode, stream.get_mut())?;
            stream.get_mut().flush()?;
            if is_last {
                return Ok(());
            }
            stream.fill_buf()?;
        }
        Ok(())
    }

    fn response(&self, request: &Message, mode: Mode, to: &mut impl Write) -> io::Result<()> {
        let path = request.subject().split('?').next().unwrap_or_default().to_owned();
        let file = self.files.lock().unwrap().get(&path).cloned();
        let asked_for = request.header("if-none-match").map(str::to_owned);
        let note = |status: &'static str, body_bytes: usize| {
            let asked = Asked { path: path.clone(), is_conditional: asked_for.is_some(), status, body_bytes };
            self.asked.lock().unwrap().push(asked);
        };
        let is_head = request.first_line.starts_with("HEAD ");
        let mut send = |status: &'static str, headers: &str, body: &[u8]| {
            note(status, body.len());
            let headers = format!("{headers}Docker-Content-Digest: {}\r\n", Digest::of(body));
            if is_head {
                return to.write_all(format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes());
            }
            to.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).as_bytes())?;
            to.write_all(body)
        };
        let given = request.header("authorization");
        match (mode, file) {
            (Mode::Login(_), _) if given.is_none() => {
                send("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", b"")
            }
            (Mode::Login(expected), _) if given != Some(&expected) => send("403 Forbidden", "", b""),
            (Mode::Status(status), _) => send(status, "", b""),
            (Mode::Redirect(to), _) => send("302 Found", &format!("Location: {to}\r\n"), b""),
            (Mode::Html, _) => {
                send("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"<!DOCTYPE html><h1>Log in</h1>")
            }
            (Mode::Huge { announced }, _) => {
                note("200 OK", 0);
                let framing = if announced { "Content-Length: 10000000000" } else { "Transfer-Encoding: chunked" };
                to.write_all(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n").as_bytes())?;
                let piece = vec![0; 1 << 20];
                for _ in 0..10_000 {
                    if !announced {
                        to.write_all(b"100000\r\n")?;
                    }
                    to.write_all(&piece)?;
                    to.write_all(if announced { b"" } else { b"\r\n" })?;
                }
                Ok(())
            }
            (Mode::Hang, _) => {
                note("", 0);
                self.until_changed(&Mode::Hang);
                Ok(())
            }
            (mode @ (Mode::DieMidBody | Mode::HangMidBody), Some(bytes)) => {
                note("200 OK", bytes.len() / 2);
                to.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes())?;
                to.write_all(&bytes[..bytes.len() / 2])?;
                to.flush()?;
                if mode == Mode::HangMidBody {
                    self.until_changed(&mode);
                }
                Ok(())
            }
            (_, None) => send("404 Not Found", "", b""),
            (_, Some(bytes)) => {
                let etag = format!("\"{}\"", Digest::of(&bytes));
                match asked_for.as_deref() == Some(&etag) {
                    true => send("304 Not Modified", &format!("ETag: {etag}\r\n"), b""),
                    false => send("200 OK", &format!("ETag: {etag}\r\n"), &bytes),
                }
            }
        }
    }

    fn until_changed(&self, mode: &Mode) {
        let guard = self.mode.lock().unwrap();
        let _ = self.changed.wait_timeout_while(guard, PATIENCE, |now| now == mode).unwrap();
    }
}

/// A proxy by the method `CONNECT` that leads every name to this address.
pub fn proxy_to(address: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (own, target) = (listener.local_addr().expect("an address").to_string(), address.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&target).expect("the target");
            thread::spawn(move || {
                let mut reader = BufReader::new(client.try_clone().unwrap());
                let Ok(Some(_)) = Message::read(&mut reader) else { return };
                let _ = (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                let (mut back, mut there) = (server.try_clone().unwrap(), server);
                let mut to_client = client.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut back, &mut to_client));
                let _ = io::copy(&mut reader, &mut there);
                let _ = there.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    own
}

//! A server for guests' requests in this process, with TLS or without, that does what the path says, and counts.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

use super::{PATIENCE, http::Message, tls::Tls};

/// The server. What it does with a request:
///
/// | path | response |
/// | --- | --- |
/// | `/bytes/N`, `/chunked/N` | this many bytes, with their number ahead or in chunks |
/// | `/together/N` | the same as any other, but only once this many requests are there at once |
/// | `/redirect/TO` | a redirect |
/// | `/status/CODE` | this status, and no body |
/// | `/gzip` | a compressed text |
/// | `/head/N` | headers of this many bytes |
/// | `/die` | half of the body, and the end of the connection |
/// | `/close` | a whole response, and the end of the connection, of which nothing was said |
/// | `/hang`, `/drip` | nothing, or half of the body and nothing more |
/// | anything else | what the server received, as JSON |
pub struct Api {
    address: String,
    shared: Arc<Shared>,
    tls: Option<Tls>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    ended: AtomicUsize,
    requests: Mutex<Vec<Message>>,
    waiting: Mutex<usize>,
    changed: Condvar,
}

/// `hello, gzip`, compressed.
const GZIP: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 215, 81, 72, 175, 202, 44, 0, 0, 74, 155, 177, 92, 11,
    0, 0, 0,
];

impl Api {
    /// Without TLS.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// With TLS, for `localhost`.
    pub fn with_tls() -> Self {
        Self::serve(Some(Tls::new(&["localhost"])))
    }

    /// With TLS, for these names.
    pub fn with_tls_for(names: &[&str]) -> Self {
        Self::serve(Some(Tls::new(names)))
    }

    fn serve(tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared::default());
        let (serving, config) = (shared.clone(), tls.as_ref().map(|tls| tls.config.clone()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let (shared, config) = (serving.clone(), config.clone());
                thread::spawn(move || {
                    // Without this, each small response waits for the acknowledgement of its head.
                    let _ = stream.set_nodelay(true);
                    // A client that hangs up is what some tests are about.
                    let _ = match config {
                        None => shared.speak(stream),
                        Some(config) => shared.speak(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
                    };
                    shared.ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, shared, tls }
    }

    /// The host and the port.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().expect("a port")
    }

    /// `localhost` with the port.
    pub fn authority(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The address of a path, by the name `localhost`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme(), self.authority())
    }

    /// A file with the certificate to trust.
    pub fn certificates(&self) -> &Path {
        &self.tls.as_ref().expect("TLS").authority
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many connections have ended so far.
    pub fn ended(&self) -> usize {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Message> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Shared {
    fn speak<S: Read + Write>(&self, stream: S) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = Message::read(&mut stream)? {
            self.requests.lock().unwrap().push(request.clone());
            let is_last = self.respond(&request, stream.get_mut())?;
            stream.get_mut().flush()?;
            if is_last {
                return Ok(());
            }
            stream.fill_buf()?;
        }
        Ok(())
    }

    /// Returns whether the connection ends.
    fn respond(&self, request: &Message, to: &mut impl Write) -> io::Result<bool> {
        let path = request.subject();
        let words = path.get(1..).unwrap_or_default();
        let (first, rest) = words.split_once('/').unwrap_or((words, ""));
        let number = rest.parse().unwrap_or(0);
        let is_head = request.first_line.starts_with("HEAD ");
        match first {
            "bytes" => send(to, "200 OK", "", &vec![b'x'; number])?,
            "chunked" => {
                to.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for piece in vec![b'x'; number].chunks(10_000) {
                    to.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
                    to.write_all(piece)?;
                    to.write_all(b"\r\n")?;
                }
                to.write_all(b"0\r\n\r\n")?;
            }
            "redirect" => send(to, "302 Found", &format!("Location: {rest}\r\n"), b"")?,
            "status" => send(to, &format!("{number} Status"), "", b"")?,
            "gzip" => send(to, "200 OK", "Content-Encoding: gzip\r\n", GZIP)?,
            "head" => {
                let headers: String = (0..number / 1000).map(|at| format!("X-{at}: {}\r\n", "y".repeat(990))).collect();
                send(to, "200 OK", &headers, b"")?;
            }
            "die" | "drip" => {
                to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")?;
                to.flush()?;
                if first == "drip" {
                    self.until_the_end();
                }
                return Ok(true);
            }
            "close" => {
                send(to, "200 OK", "", b"closed")?;
                return Ok(true);
            }
            "hang" => {
                self.until_the_end();
                return Ok(true);
            }
            _ => {
                if first == "together" {
                    self.until_there_are(number);
                }
                let headers: serde_json::Map<String, serde_json::Value> = request
                    .headers
                    .iter()
                    .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into()))
                    .collect();
                let method = request.first_line.split(' ').next();
                let body = String::from_utf8_lossy(&request.body[..request.body.len().min(1000)]);
                let received = json!({
                    "method": method, "path": path, "headers": headers, "length": request.body.len(), "body": body,
                });
                let received = received.to_string();
                send(
                    to,
                    "200 OK",
                    "Content-Type: application/json\r\n",
                    if is_head { b"" } else { received.as_bytes() },
                )?;
            }
        }
        Ok(false)
    }

    fn until_there_are(&self, number: usize) {
        let mut waiting = self.waiting.lock().unwrap();
        *waiting += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(waiting, PATIENCE, |waiting| *waiting < number).unwrap();
        assert!(!waited.1.timed_out(), "{} of {number} requests came at once", waited.0);
    }

    fn until_the_end(&self) {
        let waiting = self.waiting.lock().unwrap();
        drop(self.changed.wait_timeout_while(waiting, PATIENCE, |_| true).unwrap());
    }
}

fn send(to: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    to.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).as_bytes())?;
    to.write_all(body)
}

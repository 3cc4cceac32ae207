//! The Runtime API, on one thread, for whatever number of connections a contestant opens.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    process::Child,
    time::Instant,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Nothing takes longer than this, in seconds; a contestant that does is broken.
const PATIENCE_SECONDS: i64 = 60;

const ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:bench";

/// Listens on a free port of the loopback interface.
pub struct RuntimeApi {
    listener: TcpListener,
    connections: Vec<Connection>,
    sent: u64,
}

/// What a contestant asks or says.
pub enum Request {
    /// It waits for an event on this connection.
    Next(usize),
    /// An answer came on this connection.
    Answer(usize, Vec<u8>),
}

struct Connection {
    stream: TcpStream,
    came: Vec<u8>,
}

impl RuntimeApi {
    pub fn start() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0")?, connections: Vec::new(), sent: 0 })
    }

    /// Host and port.
    pub fn address(&self) -> io::Result<String> {
        Ok(self.listener.local_addr()?.to_string())
    }

    /// Waits for the first request for an event.
    pub fn first(&mut self, contestant: &mut Child) -> io::Result<usize> {
        match self.request(contestant)? {
            Request::Next(connection) => Ok(connection),
            Request::Answer(..) => Err(io::Error::other("an answer came before any event")),
        }
    }

    /// Sends an event and waits for its answer and for the next request: when the answer was there, what it was, and who asks.
    pub fn invoke(
        &mut self,
        contestant: &mut Child,
        connection: usize,
        event: &[u8],
    ) -> io::Result<(Instant, Vec<u8>, usize)> {
        self.send(connection, event)?;
        let Request::Answer(connection, answer) = self.request(contestant)? else {
            return Err(io::Error::other("the next event was asked for before there was an answer"));
        };
        let at = Instant::now();
        self.accept(connection)?;
        let next = self.first(contestant)?;
        Ok((at, answer, next))
    }

    /// Sends an event to who asked on this connection.
    pub fn send(&mut self, connection: usize, event: &[u8]) -> io::Result<()> {
        self.sent += 1;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{:012x}\r\n\
             Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}\r\nContent-Length: {}\r\n\r\n",
            self.sent,
            event.len(),
        );
        self.connections[connection].stream.write_all(&[head.as_bytes(), event].concat())
    }

    /// Says that an answer was taken.
    pub fn accept(&mut self, connection: usize) -> io::Result<()> {
        const ACCEPTED: &[u8] =
            b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
        self.connections[connection].stream.write_all(ACCEPTED)
    }

    /// The next request, on whatever connection.
    pub fn request(&mut self, contestant: &mut Child) -> io::Result<Request> {
        loop {
            for (number, connection) in self.connections.iter_mut().enumerate() {
                if let Some((is_next, body)) = connection.take()? {
                    return Ok(if is_next { Request::Next(number) } else { Request::Answer(number, body) });
                }
            }
            self.wait(contestant)?;
        }
    }

    fn wait(&mut self, contestant: &mut Child) -> io::Result<()> {
        let mut waiting: Vec<PollFd<'_>> =
            self.connections.iter().map(|connection| PollFd::new(&connection.stream, PollFlags::IN)).collect();
        waiting.push(PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN));
        let patience = Timespec { tv_sec: PATIENCE_SECONDS, tv_nsec: 0 };
        if poll(&mut waiting, Some(&patience))? == 0 {
            return Err(io::Error::other(format!("nothing came for {PATIENCE_SECONDS} s")));
        }
        let ready: Vec<bool> = waiting.iter().map(|waiting| !waiting.revents().is_empty()).collect();
        let mut buffer = [0; 256 * 1024];
        for (number, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            let Some(connection) = self.connections.get_mut(number) else {
                let (stream, _) = self.listener.accept()?;
                stream.set_nodelay(true)?;
                self.connections.push(Connection { stream, came: Vec::new() });
                continue;
            };
            match connection.stream.read(&mut buffer)? {
                0 => {
                    if let Some(status) = contestant.try_wait()? {
                        return Err(io::Error::other(format!("the contestant ended: {status}")));
                    }
                    self.connections.remove(number);
                    return Ok(());
                }
                read => connection.came.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(())
    }
}

impl Connection {
    /// A request that came whole: whether it asks for an event, and its body.
    fn take(&mut self) -> io::Result<Option<(bool, Vec<u8>)>> {
        let Some(end) = self.came.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.came[..end]).to_ascii_lowercase();
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = value("content-length:").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
        let is_chunked = value("transfer-encoding:") == Some("chunked");
        if value("expect:") == Some("100-continue") && self.came.len() == end + 4 && (length > 0 || is_chunked) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            // Said once: the line goes.
            self.came = head.replace("expect:", "x-expect:").into_bytes();
            self.came.extend_from_slice(b"\r\n\r\n");
            return Ok(None);
        }
        let body = end + 4;
        let (body, whole) = match is_chunked {
            true => match chunks(&self.came[body..])? {
                Some((chunks, length)) => (chunks, body + length),
                None => return Ok(None),
            },
            false if self.came.len() < body + length => return Ok(None),
            false => (self.came[body..body + length].to_vec(), body + length),
        };
        self.came.drain(..whole);
        Ok(Some((head.starts_with("get "), body)))
    }
}

/// A body in chunks without trailers, and how long it was with their sizes; `None` when it is not all there.
fn chunks(bytes: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = bytes[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&bytes[at..at + line]).map_err(io::Error::other)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        let (begin, end) = (at + line + 2, at + line + 2 + size);
        if bytes.len() < end + 2 {
            return Ok(None);
        }
        body.extend_from_slice(&bytes[begin..end]);
        at = end + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

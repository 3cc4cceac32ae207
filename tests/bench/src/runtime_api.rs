//! This module serves the Runtime API on one thread, for any number of a contestant's connections.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    os::fd::AsFd,
    process::Child,
    time::{Instant, SystemTime},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt::set_tcp_quickack,
};

use crate::url_event;

/// The maximum time to wait for a contestant, in seconds. One that takes longer is broken.
const PATIENCE_SECONDS: i64 = 60;

/// The most that is looked at to find the first byte of a streamed response's body. The head of one may be as large.
const FIRST_BYTES: usize = 16 * 1024;

const ARN: &str = "arn:aws:lambda:us-east-1:012345678912:function:bench";

/// A `RuntimeApi` listens on a free port of the loopback interface.
pub struct RuntimeApi {
    listener: TcpListener,
    connections: Vec<Connection>,
    sent: u64,
    /// The memory of a response that is not needed any more, for the next one. Allocating it anew would be measured,
    /// too.
    spare: Vec<u8>,
}

/// A request of a contestant.
pub enum Request {
    /// The contestant requests an event on this connection.
    Next(usize),
    /// The contestant posted a response on this connection.
    Response(usize, Response),
}

/// Holds the response to an event, or an error.
pub struct Response {
    message: Vec<u8>,
    body: Range<usize>,
    pub is_error: bool,
    /// When the first byte after a streamed response's head came.
    pub payload_at: Option<SystemTime>,
}

impl Response {
    pub fn body(&self) -> &[u8] {
        &self.message[self.body.clone()]
    }
}

struct Connection {
    stream: TcpStream,
    came: Vec<u8>,
    /// The part of a chunked body that was read so far.
    chunks: Chunks,
}

#[derive(Default)]
struct Chunks {
    body: Vec<u8>,
    at: usize,
    payload_at: Option<SystemTime>,
}

impl RuntimeApi {
    pub fn start() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0")?, connections: Vec::new(), sent: 0, spare: Vec::new() })
    }

    /// Returns the host and port.
    pub fn address(&self) -> io::Result<String> {
        Ok(self.listener.local_addr()?.to_string())
    }

    /// Waits for the first request for an event, and returns its connection.
    pub fn first(&mut self, contestant: &mut Child) -> io::Result<usize> {
        match self.request(contestant)? {
            Request::Next(connection) => Ok(connection),
            Request::Response(..) => Err(io::Error::other("a response came before any event")),
        }
    }

    /// Sends an event, and waits for its response and for the next request. Returns the time of the response, the
    /// response, and the next request's connection.
    pub fn invoke(
        &mut self,
        contestant: &mut Child,
        connection: usize,
        event: &[u8],
    ) -> io::Result<(Instant, Response, usize)> {
        self.send(connection, event)?;
        let Request::Response(connection, response) = self.request(contestant)? else {
            return Err(io::Error::other("the next event was requested before there was a response"));
        };
        let at = Instant::now();
        self.accept(connection)?;
        let next = self.first(contestant)?;
        Ok((at, response, next))
    }

    /// Sends an event on this connection, on which it was requested.
    pub fn send(&mut self, connection: usize, event: &[u8]) -> io::Result<()> {
        self.sent += 1;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{:012x}\r\n\
             Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}\r\nContent-Length: {}\r\n\r\n",
            self.sent,
            event.len(),
        );
        let stream = &mut self.connections[connection].stream;
        let mut parts = [IoSlice::new(head.as_bytes()), IoSlice::new(event)];
        let mut left = &mut parts[..];
        while !left.is_empty() {
            let written = stream.write_vectored(left)?;
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    /// Takes back the memory of a response that was checked.
    pub fn recycle(&mut self, response: Response) {
        self.spare = response.message;
    }

    /// Confirms that a response was accepted.
    pub fn accept(&mut self, connection: usize) -> io::Result<()> {
        const ACCEPTED: &[u8] =
            b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
        self.connections[connection].stream.write_all(ACCEPTED)
    }

    /// Returns the next request, on any connection.
    pub fn request(&mut self, contestant: &mut Child) -> io::Result<Request> {
        loop {
            for (number, connection) in self.connections.iter_mut().enumerate() {
                if let Some(request) = connection.take(number, &mut self.spare)? {
                    return Ok(request);
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
            return Err(io::Error::other(format!("no request arrived within {PATIENCE_SECONDS} s")));
        }
        let ready: Vec<bool> = waiting.iter().map(|waiting| !waiting.revents().is_empty()).collect();
        let mut buffer = [0; 256 * 1024];
        for (number, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
            let Some(connection) = self.connections.get_mut(number) else {
                let (stream, _) = self.listener.accept()?;
                stream.set_nodelay(true)?;
                self.connections.push(Connection { stream, came: Vec::new(), chunks: Chunks::default() });
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
    /// Returns a request if all of it has arrived.
    fn take(&mut self, number: usize, spare: &mut Vec<u8>) -> io::Result<Option<Request>> {
        let Some(end) = self.came.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.came[..end]).to_ascii_lowercase();
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = value("content-length:").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
        let is_chunked = value("transfer-encoding:") == Some("chunked");
        let begin = end + 4;
        if value("expect:") == Some("100-continue") && self.came.len() == begin && (length > 0 || is_chunked) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            // The line is sent only once, so the header gets another name.
            self.came = head.replace("expect:", "x-expect:").into_bytes();
            self.came.extend_from_slice(b"\r\n\r\n");
            return Ok(None);
        }
        let whole = begin + length;
        let is_whole = if is_chunked { self.chunks.read(&self.came[begin..])? } else { self.came.len() >= whole };
        if !is_whole {
            if is_chunked {
                // A client that leaves Nagle's algorithm on sends the next piece when this one is acknowledged. The
                // kernel would take 40 ms for that, and nothing else would be measured.
                set_tcp_quickack(&self.stream, true)?;
            }
            return Ok(None);
        }
        if head.starts_with("get ") || head.starts_with("post /2020-01-01/extension/") {
            self.came.drain(..whole);
            return self.take_without_response(number, &head);
        }
        let is_error = head.split(' ').nth(1).is_some_and(|path| path.ends_with("/error"));
        // The response takes the buffer with it. The buffer never contains more than one message, because the next one
        // is only sent after a reply.
        spare.clear();
        let message = std::mem::replace(&mut self.came, std::mem::take(spare));
        if is_chunked {
            let Chunks { body: message, payload_at, .. } = std::mem::take(&mut self.chunks);
            let response = Response { body: 0..message.len(), message, is_error, payload_at };
            return Ok(Some(Request::Response(number, response)));
        }
        let response = Response { message, body: begin..whole, is_error, payload_at: None };
        Ok(Some(Request::Response(number, response)))
    }

    /// Takes a request for an event, or one of an extension. An extension's own events never come, so that its request
    /// for one waits for ever.
    fn take_without_response(&mut self, number: usize, head: &str) -> io::Result<Option<Request>> {
        if head.starts_with("post ") {
            const REGISTERED: &[u8] =
                b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: bench\r\nContent-Length: 2\r\n\r\n{}";
            self.stream.write_all(REGISTERED)?;
            return Ok(None);
        }
        Ok((!head.starts_with("get /2020-01-01/extension/")).then_some(Request::Next(number)))
    }
}

impl Chunks {
    /// Continues to read a body without trailers, of which these bytes have arrived. Returns whether it is complete.
    fn read(&mut self, bytes: &[u8]) -> io::Result<bool> {
        loop {
            let Some(line) = bytes[self.at..].windows(2).position(|window| window == b"\r\n") else { return Ok(false) };
            let size = std::str::from_utf8(&bytes[self.at..self.at + line]).map_err(io::Error::other)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            let begin = self.at + line + 2;
            if bytes.len() < begin + size + 2 {
                return Ok(false);
            }
            self.body.extend_from_slice(&bytes[begin..begin + size]);
            // Only a first piece is looked at, so that no other work pays for it.
            let is_first = self.payload_at.is_none() && self.body.len() <= FIRST_BYTES;
            if is_first && url_event::payload(&self.body).is_some_and(|payload| !payload.is_empty()) {
                self.payload_at = Some(SystemTime::now());
            }
            self.at = begin + size + 2;
            if size == 0 {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_is_put_together_however_it_comes() {
        let message = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        for step in 1..=message.len() {
            let mut chunks = Chunks::default();
            let ends = (step..message.len()).step_by(step);
            ends.for_each(|end| assert!(!chunks.read(&message[..end]).unwrap()));
            assert!(chunks.read(message).unwrap());
            assert_eq!(chunks.body, b"abc0123456789");
        }
    }
}

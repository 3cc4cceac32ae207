//! The Runtime API, on one thread, for whatever number of connections a contestant opens.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
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
    /// The memory of an answer that is done with, for the next: to ask the system for it anew would be measured, too.
    spare: Vec<u8>,
}

/// What a contestant asks or says.
pub enum Request {
    /// It waits for an event on this connection.
    Next(usize),
    /// An answer came on this connection.
    Answer(usize, Answer),
}

/// What became of an event.
pub struct Answer {
    message: Vec<u8>,
    body: Range<usize>,
    pub is_error: bool,
}

impl Answer {
    pub fn body(&self) -> &[u8] {
        &self.message[self.body.clone()]
    }
}

struct Connection {
    stream: TcpStream,
    came: Vec<u8>,
    /// Of a body in chunks, what was put together and how far was looked.
    chunks: Chunks,
}

#[derive(Default)]
struct Chunks {
    body: Vec<u8>,
    at: usize,
}

impl RuntimeApi {
    pub fn start() -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind("127.0.0.1:0")?, connections: Vec::new(), sent: 0, spare: Vec::new() })
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
    ) -> io::Result<(Instant, Answer, usize)> {
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
        let stream = &mut self.connections[connection].stream;
        let mut parts = [IoSlice::new(head.as_bytes()), IoSlice::new(event)];
        let mut left = &mut parts[..];
        while !left.is_empty() {
            let written = stream.write_vectored(left)?;
            IoSlice::advance_slices(&mut left, written);
        }
        Ok(())
    }

    /// Takes back an answer that was looked at.
    pub fn recycle(&mut self, answer: Answer) {
        self.spare = answer.message;
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
            return Err(io::Error::other(format!("nothing came for {PATIENCE_SECONDS} s")));
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
    /// A request that came whole.
    fn take(&mut self, number: usize, spare: &mut Vec<u8>) -> io::Result<Option<Request>> {
        let Some(end) = self.came.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.came[..end]).to_ascii_lowercase();
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = value("content-length:").map_or(Ok(0), str::parse).map_err(io::Error::other)?;
        let is_chunked = value("transfer-encoding:") == Some("chunked");
        let begin = end + 4;
        if value("expect:") == Some("100-continue") && self.came.len() == begin && (length > 0 || is_chunked) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            // Said once: the line goes.
            self.came = head.replace("expect:", "x-expect:").into_bytes();
            self.came.extend_from_slice(b"\r\n\r\n");
            return Ok(None);
        }
        let whole = begin + length;
        let is_whole = if is_chunked { self.chunks.read(&self.came[begin..])? } else { self.came.len() >= whole };
        if !is_whole {
            return Ok(None);
        }
        if head.starts_with("get ") {
            self.came.drain(..whole);
            return Ok(Some(Request::Next(number)));
        }
        let is_error = head.split(' ').nth(1).is_some_and(|path| path.ends_with("/error"));
        // The answer takes the buffer with it. There is never more than one message in it, for the next waits for a reply.
        spare.clear();
        let message = std::mem::replace(&mut self.came, std::mem::take(spare));
        if is_chunked {
            let Chunks { body, .. } = std::mem::take(&mut self.chunks);
            return Ok(Some(Request::Answer(number, Answer { body: 0..body.len(), message: body, is_error })));
        }
        Ok(Some(Request::Answer(number, Answer { message, body: begin..whole, is_error })))
    }
}

impl Chunks {
    /// Goes on with a body without trailers, of which so much came. Whether it is all there.
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

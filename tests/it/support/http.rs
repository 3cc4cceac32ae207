//! As much of HTTP/1.1 as the tests need, written out, so that they can also send what no library would.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// A request or a response.
#[derive(Debug, Default, Clone)]
pub struct Message {
    /// `POST /path HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub first_line: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The headers that came behind a body in chunks.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// The second word of the first line: a request's path, a response's status.
    pub fn subject(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    /// The header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body that is UTF-8")
    }

    /// The trailer's value, by its name in lower case.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let (_, value) = self.trailers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value).ok()
    }

    /// `None` at the end of the connection.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        Self::read_with(from, |_, _| {})
    }

    /// Calls `chunk` with the message so far, and with each chunk of its body as it comes.
    pub fn read_with(from: &mut impl BufRead, chunk: impl FnMut(&Self, &[u8])) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        if from.read_line(&mut message.first_line)? == 0 {
            return Ok(None);
        }
        message.first_line.truncate(message.first_line.trim_end().len());
        message.headers = read_headers(from)?;
        message.read_body(from, chunk)?;
        Ok(Some(message))
    }

    fn read_body(&mut self, from: &mut impl BufRead, mut chunk: impl FnMut(&Self, &[u8])) -> io::Result<()> {
        if self.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                from.read_line(&mut size)?;
                let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
                if size == 0 {
                    self.trailers = read_headers(from)?;
                    return Ok(());
                }
                let begin = self.body.len();
                if from.by_ref().take(size).read_to_end(&mut self.body)? as u64 != size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                from.read_line(&mut String::new())?;
                chunk(self, &self.body[begin..]);
            }
        }
        let length = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        from.take(length).read_to_end(&mut self.body)?;
        Ok(())
    }
}

fn read_headers(from: &mut impl BufRead) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..colon]).to_lowercase();
        headers.push((name, line[(colon + 1).min(line.len())..].trim_ascii_start().to_vec()));
    }
}

/// Sends one request on a connection of its own.
pub fn request(address: &str, first_line: &str, headers: &[(&str, &str)], body: &[u8]) -> Message {
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("can't connect to {address}: {error}"));
    stream.set_read_timeout(Some(super::PATIENCE)).expect("a timeout");
    let mut head = format!("{first_line} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).expect("a request is sent");
    // The other end may respond and close the connection before it has read all of a body that is too large.
    let _ = stream.write_all(body);
    Message::read(&mut BufReader::new(stream)).expect("a response").expect("a response before the end")
}

/// Announces a body of this length, sends only a part of it, and sends no more; `None` when nothing comes back.
pub fn break_off(address: &str, first_line: &str, length: usize, part: &[u8]) -> Option<Message> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!("{first_line} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(part)).expect("a request is sent");
    stream.shutdown(std::net::Shutdown::Write).expect("no more is sent");
    Message::read(&mut BufReader::new(stream)).expect("a response")
}

/// Invokes a function by Lambda's API.
pub fn invoke(address: &str, function: &str, headers: &[(&str, &str)], event: &[u8]) -> Message {
    request(address, &format!("POST /2015-03-31/functions/{function}/invocations"), headers, event)
}

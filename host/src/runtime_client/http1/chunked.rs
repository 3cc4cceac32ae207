//! How a request is sent whose body comes in chunks. Its end can be sent from another thread, while the thread that
//! sends the chunks is held up. Source: RFC 9112, section 7.1.

use std::{
    net::TcpStream as StdTcpStream,
    os::fd::AsFd as _,
    sync::{Arc, Mutex},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderName;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{Connection, FirstByte, Head, HttpError};
use crate::lock::lock;

/// Ends a chunked body that has no trailers.
const LAST_CHUNK: &[u8] = b"0\r\n";

/// The maximum size of the response's body, in bytes.
const RESPONSE_LIMIT_BYTES: usize = 64 * 1024;

/// The body of a request, which is sent in chunks.
pub struct ChunkedBody {
    stream: TcpStream,
    end: ChunkedEnd,
}

/// The end of a request whose body is sent in chunks. Clones share it: the first to send it counts.
#[derive(Clone)]
pub struct ChunkedEnd(Arc<Mutex<Option<Open>>>);

/// Holds a request whose end was not sent.
struct Open {
    /// The same socket as that of the body, for whoever sends the end.
    socket: StdTcpStream,
    /// What of the last chunk the system has not accepted yet.
    unsent: Bytes,
}

impl Connection {
    /// Sends the head of a request, which says `transfer-encoding: chunked`. The connection is closed after the
    /// request.
    ///
    /// # Errors
    /// When the connection broke, or the server no longer accepts data.
    pub async fn send_chunked(mut self, head: &[u8]) -> Result<ChunkedBody, HttpError> {
        self.send(head, b"").await?;
        let socket = StdTcpStream::from(self.stream.as_fd().try_clone_to_owned()?);
        let end = ChunkedEnd(Arc::new(Mutex::new(Some(Open { socket, unsent: Bytes::new() }))));
        Ok(ChunkedBody { stream: self.stream, end })
    }
}

impl ChunkedBody {
    /// Returns the end of the request.
    pub fn end(&self) -> ChunkedEnd {
        self.end.clone()
    }

    /// Sends one chunk. It returns when the system has accepted the chunk, so a slow reader slows the sender down.
    /// There is no timeout: how long the caller takes to read is limited by the invocation. An empty chunk is not sent:
    /// it would end the body.
    ///
    /// # Errors
    /// When the connection broke, or the end was sent.
    pub async fn send(&mut self, chunk: &[u8]) -> Result<(), HttpError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let mut framed = BytesMut::with_capacity(chunk.len() + 16);
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
        lock(&self.end.0).as_mut().ok_or(HttpError::Closed)?.unsent = framed.freeze();
        while !self.try_send()? {
            self.stream.writable().await?;
        }
        Ok(())
    }

    /// Sends as much as the system accepts. Returns whether that was all.
    fn try_send(&self) -> Result<bool, HttpError> {
        // The lock is held while bytes are sent, so that an end never comes between them.
        let mut open = lock(&self.end.0);
        let unsent = &mut open.as_mut().ok_or(HttpError::Closed)?.unsent;
        while !unsent.is_empty() {
            match self.stream.try_write(unsent) {
                Ok(0) => return Err(HttpError::Closed),
                Ok(sent) => unsent.advance(sent),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

impl ChunkedEnd {
    /// Sends what is left of the last chunk, and the end of the body with these trailers, each a name and a value that
    /// may stand in a header. Returns the head of the response, or `None` if the end was sent before.
    ///
    /// # Errors
    /// When the connection broke, or there is no response in time.
    pub async fn send(&self, trailers: &[(HeaderName, String)]) -> Option<Result<Head, HttpError>> {
        let open = lock(&self.0).take()?;
        Some(finish(open, trailers).await)
    }
}

async fn finish(open: Open, trailers: &[(HeaderName, String)]) -> Result<Head, HttpError> {
    let Open { socket, unsent } = open;
    let mut connection = Connection::of(TcpStream::from_std(socket)?);
    let mut rest = BytesMut::from(&*unsent);
    rest.extend_from_slice(LAST_CHUNK);
    for (name, value) in trailers {
        rest.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    rest.extend_from_slice(b"\r\n");
    // A good end takes as long as the invocation may: the server may wait until a slow caller has read the body. The
    // end that tells of an error comes when there is no time left.
    let is_good = trailers.is_empty();
    // A server may respond before it has read the whole request, and then does not read the rest.
    let sent = if is_good {
        connection.stream.write_all(&rest).await.map_err(HttpError::from)
    } else {
        connection.send(&rest, b"").await
    };
    match connection.head(if is_good { FirstByte::Wait } else { FirstByte::Timeout }).await {
        Ok(head) => {
            // What the body says does not matter, but a connection that is closed with unread data is reset.
            let _ = connection.body(head.framing, RESPONSE_LIMIT_BYTES).await;
            let _ = connection.stream.shutdown().await;
            Ok(head)
        }
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

//! How a request is sent: whole, or its body in chunks as they come.

use std::io::IoSlice;

use tokio::io::AsyncWriteExt as _;

use super::{Connection, HttpError};

/// Ends a chunked body that has no trailers.
const LAST_CHUNK: &[u8] = b"0\r\n";

impl Connection {
    /// Sends a request, its body right after its head. The head has a `content-length`, or the body is empty. The
    /// connection must be [reusable](Connection::is_reusable).
    ///
    /// # Errors
    /// When the connection broke, or the server no longer accepts data.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<(), HttpError> {
        self.write(&mut [IoSlice::new(head), IoSlice::new(body)]).await
    }

    /// Sends one chunk of a body whose head says `transfer-encoding: chunked`. It returns when the system has accepted
    /// the chunk, so a slow reader slows the sender down. An empty chunk is not sent: it would end the body.
    ///
    /// # Errors
    /// As those of [`Connection::send`].
    #[cfg_attr(not(test), expect(dead_code, reason = "no contract streams its responses yet"))]
    pub async fn send_chunk(&mut self, chunk: &[u8]) -> Result<(), HttpError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let size = format!("{:x}\r\n", chunk.len());
        self.write(&mut [IoSlice::new(size.as_bytes()), IoSlice::new(chunk), IoSlice::new(b"\r\n")]).await
    }

    /// Ends a chunked body with these trailers, each a name and a value that may stand in a header.
    ///
    /// # Errors
    /// As those of [`Connection::send`].
    #[cfg_attr(not(test), expect(dead_code, reason = "no contract streams its responses yet"))]
    pub async fn send_trailers(&mut self, trailers: &[(&str, &str)]) -> Result<(), HttpError> {
        let lines: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        self.write(&mut [IoSlice::new(LAST_CHUNK), IoSlice::new(lines.as_bytes()), IoSlice::new(b"\r\n")]).await
    }

    async fn write(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<(), HttpError> {
        // Drops the parts that are empty.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let written = self.idle_timeout.limit(self.stream.write_vectored(parts)).await?;
            if written == 0 {
                return Err(HttpError::Closed);
            }
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(())
    }
}

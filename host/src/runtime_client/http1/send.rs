//! How a request is sent whole.

use std::io::IoSlice;

use tokio::io::AsyncWriteExt as _;

use super::{Connection, HttpError};

impl Connection {
    /// Sends a request, its body right after its head. The head has a `content-length`, or the body is empty. The
    /// connection must be [reusable](Connection::is_reusable).
    ///
    /// # Errors
    /// When the connection broke, or the server no longer accepts data.
    pub async fn send(&mut self, head: &[u8], body: &[u8]) -> Result<(), HttpError> {
        self.write(&mut [IoSlice::new(head), IoSlice::new(body)]).await
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

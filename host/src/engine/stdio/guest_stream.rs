//! Implements WASI's traits for a guest's standard output and error.

use std::{
    io,
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{io::AsyncWrite, time::sleep};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::lines::{Stdio, Stream};

/// Limits how much a guest may write with one call, in bytes. Such a call can't be interrupted, and may consist of
/// newlines only.
const WRITE_LIMIT_BYTES: usize = 8 * 1024;

/// How often a waiting guest's stream checks whether the log has caught up.
const PAUSE: Duration = Duration::from_millis(1);

/// Implements WASI's traits for one of an instance's streams.
pub(in crate::engine) struct GuestStream {
    stdio: Stdio,
    stream: Stream,
}

impl Stdio {
    /// Returns one of the streams, for WASI.
    pub(in crate::engine) fn stream(&self, stream: Stream) -> GuestStream {
        GuestStream { stdio: self.clone(), stream }
    }
}

impl GuestStream {
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut stdio = self.stdio.lock();
        stdio.is_ready = false;
        stdio.write(self.stream, bytes);
    }
}

impl IsTerminal for GuestStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.stdio.stream(self.stream))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.stdio.stream(self.stream))
    }
}

#[async_trait]
impl Pollable for GuestStream {
    /// Waits until the log has caught up. A guest waits here and not while it writes, so that its deadline can end the
    /// wait.
    async fn ready(&mut self) {
        let observer = self.stdio.lock().observer.clone();
        while observer.is_behind() {
            sleep(PAUSE).await;
        }
        self.stdio.lock().is_ready = true;
    }
}

#[async_trait]
impl OutputStream for GuestStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // A guest that follows the contract calls `check_write` first.
        if bytes.len() > WRITE_LIMIT_BYTES {
            return Err(StreamError::trap("more was written than the stream had room for"));
        }
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let stdio = self.stdio.lock();
        let may_write = stdio.is_ready || !stdio.observer.is_behind();
        Ok(if may_write { WRITE_LIMIT_BYTES } else { 0 })
    }
}

impl AsyncWrite for GuestStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut task::Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

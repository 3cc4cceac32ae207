//! This module limits `wasi:io/streams`, and implements the streams that read and write files. As with all other file
//! access, the guest's own thread does the I/O. So the host buffers nothing for these streams.

use std::{fs::File, io, mem, os::unix::fs::FileExt as _, sync::Arc};

use bytes::Bytes;
use wasmtime::{
    Result, StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType},
};
use wasmtime_wasi::{
    async_trait,
    p2::{
        DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
        bindings::io::streams::{Host as _, HostInputStream, HostOutputStream},
    },
};

use super::super::store_state::StoreState;
use crate::tmp::{At, Quota};

/// The maximum number of bytes that one call reads or writes.
const PIECE_BYTES: usize = 64 * 1024;

/// Shadows `write`, and the destructors, which also release the stream's share of the quota.
pub(super) fn limit(streams: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    streams.func_wrap_async(
        "[method]output-stream.write",
        |mut store: StoreContextMut<'_, StoreState>, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            Box::new(async move {
                let table = store.data_mut().table();
                // A guest must not write more than `check-write` permits. wasmtime-wasi leaves this check to the
                // stream.
                let written = match HostOutputStream::check_write(table, Resource::new_borrow(stream.rep())) {
                    Ok(room) if bytes.len() as u64 > room => {
                        Err(StreamError::trap("more was written than the stream had room for"))
                    }
                    Ok(_) => HostOutputStream::write(table, stream, bytes),
                    Err(error) => Err(error),
                };
                match written {
                    Ok(()) => Ok((Ok(()),)),
                    Err(error) => Ok((Err(table.convert_stream_error(error)?),)),
                }
            })
        },
    )?;
    streams.resource_async("input-stream", ResourceType::host::<DynInputStream>(), |mut store, rep| {
        Box::new(async move {
            store.data_mut().held.closed(rep);
            HostInputStream::drop(store.data_mut().table(), Resource::new_own(rep)).await
        })
    })?;
    streams.resource_async("output-stream", ResourceType::host::<DynOutputStream>(), |mut store, rep| {
        Box::new(async move {
            store.data_mut().held.closed(rep);
            HostOutputStream::drop(store.data_mut().table(), Resource::new_own(rep)).await
        })
    })
}

/// A `FileReader` is a stream that reads a file.
pub(super) struct FileReader {
    file: Arc<File>,
    offset: u64,
}

impl FileReader {
    /// Creates a stream that begins at `offset`, in bytes.
    pub(super) fn over(file: Arc<File>, offset: u64) -> DynInputStream {
        Box::new(Self { file, offset })
    }
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut bytes = vec![0; size.min(PIECE_BYTES)];
        let read = self.file.read_at(&mut bytes, self.offset);
        bytes.truncate(read.map_err(|error| StreamError::LastOperationFailed(error.into()))?);
        if bytes.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes.into())
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {}
}

/// A `FileWriter` is a stream that writes to a file, within the limits of `/tmp`.
pub(super) struct FileWriter {
    file: Arc<File>,
    quota: Arc<Quota>,
    state: Writing,
}

/// The state of a [`FileWriter`].
enum Writing {
    /// The next write begins here.
    At(At),
    /// The last write failed. The next `check-write` or `flush` returns the error.
    Failed(io::Error),
    /// A write failed, and the guest has received the error.
    Closed,
}

impl FileWriter {
    /// Creates a stream that begins at `at`.
    pub(super) fn over(file: Arc<File>, at: At, quota: Arc<Quota>) -> DynOutputStream {
        Box::new(Self { file, quota, state: Writing::At(at) })
    }

    /// Writes all bytes, and returns where the next write begins.
    fn write_all(&self, mut at: At, mut bytes: &[u8]) -> io::Result<At> {
        if bytes.is_empty() {
            self.quota.write(&self.file, bytes, at)?;
        }
        while !bytes.is_empty() {
            let written = self.quota.write(&self.file, bytes, at)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            if let At::Offset(offset) = &mut at {
                *offset = offset.saturating_add(written as u64);
            }
        }
        Ok(at)
    }
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.state {
            Writing::At(at) => self.state = self.write_all(at, &bytes).map_or_else(Writing::Failed, Writing::At),
            Writing::Failed(_) => return Err(StreamError::trap("write after a failed write, without `check-write`")),
            Writing::Closed => return Err(StreamError::Closed),
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if let Writing::At(_) = self.state {
            return Ok(PIECE_BYTES);
        }
        match mem::replace(&mut self.state, Writing::Closed) {
            Writing::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            _ => Err(StreamError::Closed),
        }
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {}
}

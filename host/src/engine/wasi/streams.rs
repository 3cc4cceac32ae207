//! Streams: `wasi:io/streams`, and those that read files and write into them. As with any other access to files, the guest's own thread
//! does it: the host holds nothing for them.

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

use super::super::state::State;
use crate::tmp::{At, Quota};

/// How much is read or written at a time, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

pub(super) fn limit(streams: &mut LinkerInstance<'_, State>) -> Result<()> {
    streams.func_wrap_async(
        "[method]output-stream.write",
        |mut store: StoreContextMut<'_, State>, (stream, bytes): (Resource<DynOutputStream>, Vec<u8>)| {
            Box::new(async move {
                let table = store.data_mut().table();
                // A guest that keeps to the contract asks for the room first.
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

/// Reads a file.
pub(super) struct FileReader {
    file: Arc<File>,
    offset: u64,
}

impl FileReader {
    /// Begins at this distance from the file's beginning, in bytes.
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

/// Writes into a file, within the limits of `/tmp`.
pub(super) struct FileWriter {
    file: Arc<File>,
    quota: Arc<Quota>,
    state: Writing,
}

enum Writing {
    /// The next write begins here.
    At(At),
    /// The last write failed, which is told when the guest asks what became of it.
    Failed(io::Error),
    /// A write failed, and that was told.
    Closed,
}

impl FileWriter {
    /// Writes begin at this place.
    pub(super) fn over(file: Arc<File>, at: At, quota: Arc<Quota>) -> DynOutputStream {
        Box::new(Self { file, quota, state: Writing::At(at) })
    }

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
            Writing::Failed(_) => return Err(StreamError::trap("what became of the write before was not asked")),
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

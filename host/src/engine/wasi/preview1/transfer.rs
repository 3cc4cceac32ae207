//! This module implements `fd_read`, `fd_write` and similar functions.
//!
//! One call on a file transfers all that was requested, as programs expect of files. It works in pieces, and a deadline
//! can end it between two of them.

use std::{io, os::unix::fs::FileExt as _};

use bytes::Bytes;
use tokio::task::yield_now;
use wasmtime::component::Resource;
use wasmtime_wasi::{
    p1::types::{CiovecArray, Errno, Error, Fd, IovecArray, Size},
    p2::{DynInputStream, DynOutputStream, StreamError, bindings::filesystem::types::ErrorCode},
};
use wiggle::{GuestMemory, GuestPtr};

use super::{super::files, descriptors::Open, open::descriptors};
use crate::{engine::store_state::StoreState, tmp::At};

/// The number of bytes that are read or written without a pause.
const PIECE_BYTES: u32 = 64 * 1024;

/// The maximum number of buffers in one call, as on Linux.
const BUFFERS_LIMIT: u32 = 1024;

/// A `Place` is the position in a file at which a call reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The file's current position, which the call advances.
    Current,
    /// This many bytes from the start of the file. The call does not change the current position.
    Offset(u64),
}

/// Implements `fd_read` and `fd_pread`. An error after some bytes were read ends the call without an error.
pub(super) async fn read(
    state: &mut StoreState,
    memory: &mut GuestMemory<'_>,
    fd: Fd,
    iovs: IovecArray,
    place: Place,
) -> Result<Size, Error> {
    let mut buffers = Vec::new();
    check_number(iovs.len())?;
    for iov in iovs.iter() {
        let iov = memory.read(iov?)?;
        buffers.push(iov.buf.as_array(iov.buf_len));
    }
    match (descriptors(state)?.get(fd)?, place) {
        (Open::Input(rep), Place::Current) => {
            let rep = *rep;
            read_stream(state, memory, rep, &buffers).await
        }
        (Open::Input(_), Place::Offset(_)) => Err(Errno::Spipe.into()),
        (Open::File(file), _) => {
            let (mut at, file) = (begin(place, file.position), file.resource());
            let file = files::readable(state, &file)?;
            let mut read = 0;
            for piece in pieces(&buffers) {
                if read > 0 {
                    yield_now().await;
                }
                let buffer = memory.as_slice_mut(piece)?.ok_or(Errno::Notsup)?;
                let now = match file.read_at(buffer, at) {
                    Ok(now) => now,
                    Err(_) if read > 0 => break,
                    Err(error) => return Err(failed(error)),
                };
                (at, read) = (at + now as u64, read + Size::try_from(now)?);
                if now < piece.len() as usize {
                    break;
                }
            }
            if place == Place::Current {
                descriptors(state)?.file_mut(fd)?.position = at;
            }
            Ok(read)
        }
        (Open::Output(_) | Open::Directory(_), _) => Err(Errno::Badf.into()),
    }
}

/// Fills the first buffer that is not empty, or a part of it if the stream has less.
async fn read_stream(
    state: &mut StoreState,
    memory: &mut GuestMemory<'_>,
    rep: u32,
    buffers: &[GuestPtr<[u8]>],
) -> Result<Size, Error> {
    let Some(buffer) = buffers.iter().find(|buffer| buffer.len() > 0) else { return Ok(0) };
    let stream = state.table().get_mut(&Resource::<DynInputStream>::new_borrow(rep))?;
    let bytes = match stream.blocking_read(buffer.len() as usize).await {
        Ok(bytes) => bytes,
        Err(StreamError::Closed) => Bytes::new(),
        Err(error) => return Err(error.into()),
    };
    let length = Size::try_from(bytes.len())?;
    memory.copy_from_slice(&bytes, GuestPtr::new(buffer.offset().0).as_array(length))?;
    Ok(length)
}

/// Implements `fd_write` and `fd_pwrite`. An error after some bytes were written ends the call without an error.
pub(super) async fn write(
    state: &mut StoreState,
    memory: &mut GuestMemory<'_>,
    fd: Fd,
    iovs: CiovecArray,
    place: Place,
) -> Result<Size, Error> {
    let mut buffers = Vec::new();
    check_number(iovs.len())?;
    for iov in iovs.iter() {
        let iov = memory.read(iov?)?;
        buffers.push(iov.buf.as_array(iov.buf_len));
    }
    match (descriptors(state)?.get(fd)?, place) {
        (Open::Output(rep), Place::Current) => {
            let rep = *rep;
            write_stream(state, memory, rep, &buffers).await
        }
        (Open::Output(_), Place::Offset(_)) => Err(Errno::Spipe.into()),
        (Open::File(file), _) => {
            let (appends, mut at, file) = (file.appends, begin(place, file.position), file.resource());
            let (file, quota) = files::writable(state, &file)?;
            let mut written = 0;
            // An empty write changes nothing, but the kernel may still return an error.
            if buffers.iter().all(|buffer| buffer.len() == 0) {
                quota.write(&file, &[], At::Offset(at)).map_err(failed)?;
            }
            for piece in pieces(&buffers) {
                if written > 0 {
                    yield_now().await;
                }
                let bytes = memory.as_slice(piece)?.ok_or(Errno::Notsup)?;
                let now = match quota.write(&file, bytes, if appends { At::End } else { At::Offset(at) }) {
                    Ok(now) => now,
                    Err(_) if written > 0 => break,
                    Err(error) => return Err(failed(error)),
                };
                (at, written) = (at + now as u64, written + Size::try_from(now)?);
                if now < piece.len() as usize {
                    break;
                }
            }
            if place == Place::Current {
                let position = if appends { file.metadata().map_err(failed)?.len() } else { at };
                descriptors(state)?.file_mut(fd)?.position = position;
            }
            Ok(written)
        }
        (Open::Input(_) | Open::Directory(_), _) => Err(Errno::Badf.into()),
    }
}

async fn write_stream(
    state: &mut StoreState,
    memory: &GuestMemory<'_>,
    rep: u32,
    buffers: &[GuestPtr<[u8]>],
) -> Result<Size, Error> {
    let stream = state.table().get_mut(&Resource::<DynOutputStream>::new_borrow(rep))?;
    let mut written = 0;
    for piece in pieces(buffers) {
        let mut rest = memory.as_slice(piece)?.ok_or(Errno::Notsup)?;
        while !rest.is_empty() {
            if written > 0 {
                yield_now().await;
            }
            let now = match stream.check_write() {
                // The log is slow. A deadline can end this wait.
                Ok(0) => {
                    stream.ready().await;
                    continue;
                }
                Ok(room) => rest.len().min(room),
                Err(StreamError::Closed) if written > 0 => return Ok(written),
                Err(error) => return Err(error.into()),
            };
            stream.write(Bytes::copy_from_slice(&rest[..now])).map_err(Error::from)?;
            rest = &rest[now..];
            written += Size::try_from(now)?;
        }
    }
    Ok(written)
}

fn check_number(buffers: u32) -> Result<(), Errno> {
    if buffers > BUFFERS_LIMIT { Err(Errno::Inval) } else { Ok(()) }
}

/// Returns where a call begins, given the file's current position.
fn begin(place: Place, position: u64) -> u64 {
    match place {
        Place::Current => position,
        Place::Offset(offset) => offset,
    }
}

/// Splits the buffers into pieces of at most [`PIECE_BYTES`]. The sum of their lengths never exceeds what a [`Size`]
/// can hold, because a call returns the number of bytes as one.
fn pieces(buffers: &[GuestPtr<[u8]>]) -> impl Iterator<Item = GuestPtr<[u8]>> + '_ {
    let mut left = Size::MAX;
    let pieces = buffers.iter().flat_map(|buffer| {
        let (begin, length) = buffer.offset();
        (0..length)
            .step_by(PIECE_BYTES as usize)
            .map(move |at| (begin.saturating_add(at), (length - at).min(PIECE_BYTES)))
    });
    pieces.map_while(move |piece| {
        left = left.checked_sub(piece.1)?;
        Some(GuestPtr::new(piece))
    })
}

pub(super) fn failed(error: io::Error) -> Error {
    Errno::from(ErrorCode::from(error)).into()
}

//! Reading and writing: `fd_read`, `fd_write` and the like.
//!
//! All that is asked for is done with one call, as programs expect of files. It is done in pieces, between which the deadline can end it.

use std::{io, os::unix::fs::FileExt as _};

use bytes::Bytes;
use tokio::task::yield_now;
use wasmtime::component::Resource;
use wasmtime_wasi::{
    p1::types::{CiovecArray, Errno, Error, Fd, IovecArray, Size},
    p2::{DynInputStream, DynOutputStream, StreamError, bindings::filesystem::types::ErrorCode},
};
use wiggle::{GuestMemory, GuestPtr};

use super::{
    super::files,
    descriptors::{Descriptors, Open},
};
use crate::{engine::state::State, tmp::At};

/// How much is read or written without a pause, in bytes.
const PIECE_BYTES: u32 = 64 * 1024;

/// How many buffers one call may name, as on Linux.
const BUFFERS_LIMIT: u32 = 1024;

/// Where a file is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where the call before ended.
    Current,
    /// So many bytes from the beginning. The next call is not changed by it.
    Offset(u64),
}

pub(super) async fn read(
    state: &mut State,
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
    match (Descriptors::of(state)?.get(fd)?, place) {
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
                Descriptors::of(state)?.file_mut(fd)?.position = at;
            }
            Ok(read)
        }
        (Open::Output(_) | Open::Folder(_), _) => Err(Errno::Badf.into()),
    }
}

/// Fills the first buffer that is not empty. The event may end in the middle of it.
async fn read_stream(
    state: &mut State,
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

pub(super) async fn write(
    state: &mut State,
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
    match (Descriptors::of(state)?.get(fd)?, place) {
        (Open::Output(rep), Place::Current) => {
            let rep = *rep;
            write_stream(state, memory, rep, &buffers).await
        }
        (Open::Output(_), Place::Offset(_)) => Err(Errno::Spipe.into()),
        (Open::File(file), _) => {
            let (appends, mut at, file) = (file.appends, begin(place, file.position), file.resource());
            let (file, quota) = files::writable(state, &file)?;
            let mut written = 0;
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
                Descriptors::of(state)?.file_mut(fd)?.position = position;
            }
            Ok(written)
        }
        (Open::Input(_) | Open::Folder(_), _) => Err(Errno::Badf.into()),
    }
}

async fn write_stream(
    state: &mut State,
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
                // It is the log that is slow.
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

fn begin(place: Place, position: u64) -> u64 {
    match place {
        Place::Current => position,
        Place::Offset(offset) => offset,
    }
}

/// The buffers, those that are large in pieces. No call returns more than its number of bytes can say.
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

//! WASI as guests get it: wasmtime-wasi's, with limits where it has none of its own.
//!
//! Each of the functions here takes the place of one whose cost, in the host's memory or time, a guest could choose freely.

use std::collections::HashMap;

use cap_std::fs::Dir;
use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, LinkerInstance, Resource, ResourceType},
};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView as _},
    p2::{
        DynInputStream, DynOutputStream, FsResult, StreamError,
        bindings::{
            filesystem::types::{
                DescriptorFlags, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor,
                HostDirectoryEntryStream, OpenFlags, PathFlags,
            },
            io::{
                poll::{Host as _, Pollable},
                streams::{Host as _, HostInputStream, HostOutputStream},
            },
        },
    },
};

use super::state::State;

/// How many random bytes a guest may ask for with one call: they are made in the host's memory.
pub(super) const RANDOM_LIMIT_BYTES: u64 = 1024 * 1024;

/// How many things a guest may wait for with one call. It can have fewer than this open; naming one twice helps nobody.
const POLL_LIMIT: usize = 4 * 1024;

/// How much the host may hold for what an instance has open, in bytes: some 40,000 entries of folders that are listed, or 64
/// files that are read or written through streams.
const HELD_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// What the host holds for a stream over a file at most, in bytes: one piece that was read ahead or is yet to be written.
const STREAM_BYTES: usize = 64 * 1024;

/// How much a guest may write into a file with one call, in bytes. Less is written of a longer text, which is no error.
const WRITE_LIMIT_BYTES: usize = 64 * 1024;

/// Longer paths are not looked at: the kernel takes none either.
const PATH_LIMIT_BYTES: usize = 4 * 1024;

/// The version under which wasmtime-wasi links WASI. Guests of any 0.2 find it.
const VERSION: &str = "0.2.12";

/// # Errors
/// When wasmtime-wasi has something twice, which it has not.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    limit_files(&mut linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?)?;
    limit_streams(&mut linker.instance(&format!("wasi:io/streams@{VERSION}"))?)?;
    linker
        .instance(&format!("wasi:io/poll@{VERSION}"))?
        .func_wrap_async("poll", |store: StoreContextMut<'_, State>, (pollables,)| Box::new(poll(store, pollables)))?;
    linker.allow_shadowing(false);
    Ok(())
}

fn limit_files(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap_async(
        "[method]descriptor.open-at",
        |store: StoreContextMut<'_, State>, (folder, path_flags, path, open_flags, flags)| {
            Box::new(async move { answered(open_at(store, folder, path_flags, path, open_flags, flags).await) })
        },
    )?;
    files.func_wrap_async("[method]descriptor.read-directory", |store: StoreContextMut<'_, State>, (folder,)| {
        Box::new(async move { answered(read_directory(store, folder).await) })
    })?;
    files.func_wrap_async(
        "[method]descriptor.write",
        |mut store: StoreContextMut<'_, State>, (file, mut bytes, offset): (_, Vec<u8>, _)| {
            bytes.truncate(WRITE_LIMIT_BYTES);
            Box::new(async move { answered(store.data_mut().filesystem().write(file, bytes, offset).await) })
        },
    )?;
    // What is in `/tmp` does not outlive the environment, and writing it to the disk can take longer than there is.
    for sync in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        files.func_wrap(sync, |store: StoreContextMut<'_, State>, (file,): (Resource<Descriptor>,)| {
            store.data().has_open(&file)?;
            Ok((Ok::<(), ErrorCode>(()),))
        })?;
    }
    files.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, offset)| {
            answered(open_stream(store.data_mut(), |mut files| files.read_via_stream(file, offset)))
        },
    )?;
    files.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, offset)| {
            answered(open_stream(store.data_mut(), |mut files| files.write_via_stream(file, offset)))
        },
    )?;
    files.func_wrap("[method]descriptor.append-via-stream", |mut store: StoreContextMut<'_, State>, (file,)| {
        answered(open_stream(store.data_mut(), |mut files| files.append_via_stream(file)))
    })?;
    files.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |mut store: StoreContextMut<'_, State>, rep| {
            store.data_mut().held.closed(rep);
            HostDirectoryEntryStream::drop(&mut store.data_mut().filesystem(), Resource::new_own(rep))
        },
    )
}

fn limit_streams(streams: &mut LinkerInstance<'_, State>) -> Result<()> {
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

/// Opens a stream over a file if there is room for what the host will hold for it.
fn open_stream<T>(
    state: &mut State,
    open: impl FnOnce(WasiFilesystemCtxView<'_>) -> FsResult<Resource<T>>,
) -> FsResult<Resource<T>>
where
    T: 'static,
{
    if state.held.left() < STREAM_BYTES {
        return Err(ErrorCode::InsufficientMemory.into());
    }
    let stream = open(state.filesystem())?;
    state.held.opened(stream.rep(), STREAM_BYTES);
    Ok(stream)
}

/// What a function of WASI returns: errors that the guest may handle are part of it, others are traps.
fn answered<T>(result: FsResult<T>) -> Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => error.downcast().map(|code| (Err(code),)),
    }
}

/// Opens files and folders, and nothing else: to open a named pipe waits for its other end, and nothing could stop that.
/// Guests can't make pipes, but others may leave one in `/tmp`.
async fn open_at(
    mut store: StoreContextMut<'_, State>,
    folder: Resource<Descriptor>,
    path_flags: PathFlags,
    path: String,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> FsResult<Resource<Descriptor>> {
    if path.len() > PATH_LIMIT_BYTES {
        return Err(ErrorCode::NameTooLong.into());
    }
    let mut files = store.data_mut().filesystem();
    let found = files.stat_at(Resource::new_borrow(folder.rep()), path_flags, path.clone()).await;
    // What is not there may be made; any other reason why it can't be looked at keeps it from being opened too.
    let ordinary = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
    if found.is_ok_and(|found| !ordinary.contains(&found.type_)) {
        return Err(ErrorCode::Unsupported.into());
    }
    files.open_at(folder, path_flags, path, open_flags, flags).await
}

/// Lists a folder if there is room for all of its entries, which the host holds until the listing is closed.
async fn read_directory(
    mut store: StoreContextMut<'_, State>,
    folder: Resource<Descriptor>,
) -> FsResult<Resource<DirectoryEntryStream>> {
    let state = store.data_mut();
    let bytes = match state.filesystem().table.get(&folder)? {
        Descriptor::Dir(dir) => size(&Dir::from_std_file(dir.dir.try_clone()?), state.held.left())?,
        Descriptor::File(_) => Some(0),
    };
    let bytes = bytes.ok_or(ErrorCode::InsufficientMemory)?;
    let listing = state.filesystem().read_directory(folder).await?;
    state.held.opened(listing.rep(), bytes);
    Ok(listing)
}

/// How much a listing of this folder takes, unless it is more than `limit`. In bytes.
fn size(folder: &Dir, limit: usize) -> std::io::Result<Option<usize>> {
    /// An allocation is larger than what it is for.
    const ALLOCATION_BYTES: usize = 32;
    let mut bytes = 0;
    for entry in folder.entries()? {
        bytes += size_of::<DirectoryEntry>() + ALLOCATION_BYTES + entry?.file_name().len();
        if bytes > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

async fn poll(mut store: StoreContextMut<'_, State>, pollables: Vec<Resource<Pollable>>) -> Result<(Vec<u32>,)> {
    if pollables.len() > POLL_LIMIT {
        bail!("a guest may wait for at most {POLL_LIMIT} things at once, not for {}", pollables.len());
    }
    Ok((store.data_mut().table().poll(pollables).await?,))
}

/// What an instance has open that makes the host hold something: each with its bytes, at most.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<u32, usize>);

impl Held {
    fn left(&self) -> usize {
        HELD_LIMIT_BYTES.saturating_sub(self.0.values().sum())
    }

    fn opened(&mut self, rep: u32, bytes: usize) {
        self.0.insert(rep, bytes);
    }

    fn closed(&mut self, rep: u32) {
        self.0.remove(&rep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under a name that wasmtime-wasi does not have, a limit would be linked beside the function that it is for.
    #[test]
    fn each_limited_function_takes_the_place_of_one() {
        const LIMITED: &[(&str, &[&str])] = &[
            (
                "wasi:filesystem/types",
                &[
                    "[method]descriptor.open-at",
                    "[method]descriptor.read-directory",
                    "[method]descriptor.write",
                    "[method]descriptor.sync",
                    "[method]descriptor.sync-data",
                    "[method]descriptor.read-via-stream",
                    "[method]descriptor.write-via-stream",
                    "[method]descriptor.append-via-stream",
                    "directory-entry-stream",
                ],
            ),
            ("wasi:io/streams", &["[method]output-stream.write", "input-stream", "output-stream"]),
            ("wasi:io/poll", &["poll"]),
        ];
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        for (interface, names) in LIMITED {
            for name in *names {
                let defined = linker
                    .instance(&format!("{interface}@{VERSION}"))
                    .and_then(|mut instance| instance.func_wrap(name, |_, (): ()| Ok(())));
                assert!(defined.is_err(), "{interface} has no `{name}`");
            }
        }
    }
}

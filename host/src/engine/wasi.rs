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
    filesystem::{Descriptor, WasiFilesystemView as _},
    p2::{
        FsResult,
        bindings::{
            filesystem::types::{
                DescriptorFlags, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor,
                HostDirectoryEntryStream, OpenFlags, PathFlags,
            },
            io::poll::{Host as _, Pollable},
        },
    },
};

use super::state::State;

/// How many random bytes a guest may ask for with one call: they are made in the host's memory.
pub(super) const RANDOM_LIMIT_BYTES: u64 = 1024 * 1024;

/// How many things a guest may wait for with one call. It can have fewer than this open; naming one twice helps nobody.
const POLL_LIMIT: usize = 4 * 1024;

/// How much all listings of folders that an instance has open may take in the host's memory, in bytes: enough for some
/// 30,000 files.
const LISTINGS_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The version under which wasmtime-wasi links WASI. Guests of any 0.2 find it.
const VERSION: &str = "0.2.12";

/// # Errors
/// Never, unless the names here are not those of wasmtime-wasi.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    limit_files(&mut linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?)?;
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
    files.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |mut store: StoreContextMut<'_, State>, rep| {
            store.data_mut().listings.closed(rep);
            HostDirectoryEntryStream::drop(&mut store.data_mut().filesystem(), Resource::new_own(rep))
        },
    )
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
        Descriptor::Dir(dir) => size(&Dir::from_std_file(dir.dir.try_clone()?), state.listings.left())?,
        Descriptor::File(_) => Some(0),
    };
    let bytes = bytes.ok_or(ErrorCode::InsufficientMemory)?;
    let listing = state.filesystem().read_directory(folder).await?;
    state.listings.opened(listing.rep(), bytes);
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

/// The listings of folders that an instance has open, with the bytes that each takes.
#[derive(Debug, Default)]
pub(super) struct Listings(HashMap<u32, usize>);

impl Listings {
    fn left(&self) -> usize {
        LISTINGS_LIMIT_BYTES.saturating_sub(self.0.values().sum())
    }

    fn opened(&mut self, rep: u32, bytes: usize) {
        self.0.insert(rep, bytes);
    }

    fn closed(&mut self, rep: u32) {
        self.0.remove(&rep);
    }
}

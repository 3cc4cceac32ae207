//! This module implements `wasi:filesystem/types` for components. It shadows some of wasmtime-wasi's functions with
//! those of [`super::files`]; see the list in [`super`].

use std::vec;

use wasmtime::{
    Result, StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType},
};
use wasmtime_wasi::{
    filesystem::Descriptor,
    p2::{
        DynInputStream, DynOutputStream, FsResult,
        bindings::filesystem::types::{Advice, DirectoryEntry, ErrorCode},
    },
};

use super::{
    super::store_state::StoreState,
    files::{
        close, create_directory_at, entries, link_at, open_at, readable, remove_directory_at, rename_at, symlink_at,
        unlink_file_at, writable,
    },
    streams::{FileReader, FileWriter},
};
use crate::tmp::At;

/// The maximum number of bytes that one call writes to a file. A longer write is cut to this length, which is no error:
/// the call returns how many bytes were written.
const WRITE_LIMIT_BYTES: usize = 64 * 1024;

type Store<'a> = StoreContextMut<'a, StoreState>;

/// Shadows the functions that need a limit, with those of this module.
pub(super) fn limit(files: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    limit_making(files)?;
    limit_writing(files)?;
    limit_streams(files)?;
    files.func_wrap_async("[method]descriptor.read-directory", |mut store: Store<'_>, (directory,)| {
        Box::new(async move { returned(read_directory(store.data_mut(), directory).await) })
    })?;
    files.resource("descriptor", ResourceType::host::<Descriptor>(), |mut store: Store<'_>, rep| {
        close(store.data_mut(), Resource::new_own(rep))
    })?;
    files.resource("directory-entry-stream", ResourceType::host::<Listing>(), |mut store: Store<'_>, rep| {
        store.data_mut().held.closed(rep);
        Ok(store.data_mut().table().delete(Resource::<Listing>::new_own(rep)).map(drop)?)
    })?;
    files.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: Store<'_>, (listing,): (Resource<Listing>,)| {
            let next = store.data_mut().table().get_mut(&listing)?.0.next();
            Ok((Ok::<_, ErrorCode>(next),))
        },
    )
}

/// Holds the directory entries that the guest has not read yet.
struct Listing(vec::IntoIter<DirectoryEntry>);

/// Lists a directory. The listing counts towards the instance's quota until the guest drops it.
async fn read_directory(state: &mut StoreState, directory: Resource<Descriptor>) -> FsResult<Resource<Listing>> {
    let (entries, bytes) = entries(state, &directory).await?;
    let listing = state.table().push(Listing(entries.into_iter()))?;
    state.held.opened_listing(listing.rep(), bytes);
    Ok(listing)
}

/// Shadows the functions that create, move or remove something in a directory, and `open-at`.
fn limit_making(files: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    files.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: Store<'_>, (directory, path_flags, path, open_flags, flags)| {
            Box::new(async move {
                returned(open_at(store.data_mut(), directory, path_flags, path, open_flags, flags).await)
            })
        },
    )?;
    files.func_wrap_async("[method]descriptor.create-directory-at", |mut store: Store<'_>, (directory, path)| {
        Box::new(async move { returned(create_directory_at(store.data_mut(), directory, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.symlink-at", |mut store: Store<'_>, (directory, to, path)| {
        Box::new(async move { returned(symlink_at(store.data_mut(), directory, to, path).await) })
    })?;
    files.func_wrap_async(
        "[method]descriptor.link-at",
        |mut store: Store<'_>, (directory, path_flags, path, new_directory, new_path)| {
            Box::new(async move {
                returned(link_at(store.data_mut(), directory, path_flags, path, new_directory, new_path).await)
            })
        },
    )?;
    files.func_wrap_async(
        "[method]descriptor.rename-at",
        |mut store: Store<'_>, (directory, path, new_directory, new_path)| {
            Box::new(
                async move { returned(rename_at(store.data_mut(), directory, path, new_directory, new_path).await) },
            )
        },
    )?;
    files.func_wrap_async("[method]descriptor.unlink-file-at", |mut store: Store<'_>, (directory, path)| {
        Box::new(async move { returned(unlink_file_at(store.data_mut(), directory, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.remove-directory-at", |mut store: Store<'_>, (directory, path)| {
        Box::new(async move { returned(remove_directory_at(store.data_mut(), directory, path).await) })
    })
}

/// Shadows the functions that change a file's content or length, and those that sync it.
fn limit_writing(files: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    files.func_wrap(
        "[method]descriptor.write",
        |mut store: Store<'_>, (file, mut bytes, offset): (_, Vec<u8>, _)| {
            bytes.truncate(WRITE_LIMIT_BYTES);
            returned(writable(store.data_mut(), &file).and_then(|(file, quota)| {
                let written = quota.write(&file, &bytes, At::Offset(offset))?;
                Ok(written as u64)
            }))
        },
    )?;
    files.func_wrap("[method]descriptor.set-size", |mut store: Store<'_>, (file, bytes)| {
        returned(writable(store.data_mut(), &file).and_then(|(file, quota)| Ok(quota.set_len(&file, bytes)?)))
    })?;
    // Advice is ignored: it can make the kernel start to write to the disk.
    files.func_wrap(
        "[method]descriptor.advise",
        |mut store: Store<'_>, (file, _, _, _): (Resource<Descriptor>, u64, u64, Advice)| {
            returned(match store.data_mut().table().get(&file)? {
                Descriptor::File(_) => Ok(()),
                Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
            })
        },
    )?;
    // Syncing does nothing: `/tmp` does not outlive the environment, and writing it to the disk can take longer than
    // the time that is left.
    for sync in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        files.func_wrap(sync, |store: Store<'_>, (file,): (Resource<Descriptor>,)| {
            store.data().has_open(&file)?;
            Ok((Ok::<(), ErrorCode>(()),))
        })?;
    }
    Ok(())
}

/// Shadows the functions that open streams over files.
fn limit_streams(files: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    files.func_wrap("[method]descriptor.read-via-stream", |mut store: Store<'_>, (file, offset)| {
        returned(read_stream(store.data_mut(), &file, offset))
    })?;
    files.func_wrap("[method]descriptor.write-via-stream", |mut store: Store<'_>, (file, offset)| {
        returned(write_stream(store.data_mut(), &file, At::Offset(offset)))
    })?;
    files.func_wrap("[method]descriptor.append-via-stream", |mut store: Store<'_>, (file,)| {
        returned(write_stream(store.data_mut(), &file, At::End))
    })
}

fn read_stream(state: &mut StoreState, file: &Resource<Descriptor>, offset: u64) -> FsResult<Resource<DynInputStream>> {
    let stream = FileReader::over(readable(state, file)?, offset);
    let stream = state.table().push(stream)?;
    state.held.opened_stream(stream.rep(), file.rep());
    Ok(stream)
}

fn write_stream(state: &mut StoreState, file: &Resource<Descriptor>, at: At) -> FsResult<Resource<DynOutputStream>> {
    let (writable, quota) = writable(state, file)?;
    let stream = state.table().push(FileWriter::over(writable, at, quota))?;
    state.held.opened_stream(stream.rep(), file.rep());
    Ok(stream)
}

/// Converts the result of a function to what WASI returns. Errors with an error code go to the guest; all others become
/// traps.
fn returned<T>(result: FsResult<T>) -> Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => error.downcast().map(|code| (Err(code),)),
    }
}

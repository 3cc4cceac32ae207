//! `wasi:filesystem/types` for components: wasmtime-wasi's functions, and in the place of some of them those of [`super::files`].

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
    super::state::State,
    files::{
        close, create_directory_at, entries, link_at, open_at, readable, remove_directory_at, rename_at, symlink_at,
        unlink_file_at, writable,
    },
    streams::{FileReader, FileWriter},
};
use crate::tmp::At;

/// How much a guest may write into a file with one call, in bytes. Less is written of a longer text, which is no error.
const WRITE_LIMIT_BYTES: usize = 64 * 1024;

type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn limit(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    limit_making(files)?;
    limit_writing(files)?;
    limit_streams(files)?;
    files.func_wrap_async("[method]descriptor.read-directory", |mut store: Store<'_>, (folder,)| {
        Box::new(async move { answered(read_directory(store.data_mut(), folder).await) })
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

/// What is in a folder, and was not told yet.
struct Listing(vec::IntoIter<DirectoryEntry>);

async fn read_directory(state: &mut State, folder: Resource<Descriptor>) -> FsResult<Resource<Listing>> {
    let (entries, bytes) = entries(state, &folder).await?;
    let listing = state.table().push(Listing(entries.into_iter()))?;
    state.held.opened_listing(listing.rep(), bytes);
    Ok(listing)
}

/// What makes, moves or removes something in a folder.
fn limit_making(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: Store<'_>, (folder, path_flags, path, open_flags, flags)| {
            Box::new(
                async move { answered(open_at(store.data_mut(), folder, path_flags, path, open_flags, flags).await) },
            )
        },
    )?;
    files.func_wrap_async("[method]descriptor.create-directory-at", |mut store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(create_directory_at(store.data_mut(), folder, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.symlink-at", |mut store: Store<'_>, (folder, to, path)| {
        Box::new(async move { answered(symlink_at(store.data_mut(), folder, to, path).await) })
    })?;
    files.func_wrap_async(
        "[method]descriptor.link-at",
        |mut store: Store<'_>, (folder, path_flags, path, new_folder, new_path)| {
            Box::new(async move {
                answered(link_at(store.data_mut(), folder, path_flags, path, new_folder, new_path).await)
            })
        },
    )?;
    files.func_wrap_async(
        "[method]descriptor.rename-at",
        |mut store: Store<'_>, (folder, path, new_folder, new_path)| {
            Box::new(async move { answered(rename_at(store.data_mut(), folder, path, new_folder, new_path).await) })
        },
    )?;
    files.func_wrap_async("[method]descriptor.unlink-file-at", |mut store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(unlink_file_at(store.data_mut(), folder, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.remove-directory-at", |mut store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(remove_directory_at(store.data_mut(), folder, path).await) })
    })
}

fn limit_writing(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap(
        "[method]descriptor.write",
        |mut store: Store<'_>, (file, mut bytes, offset): (_, Vec<u8>, _)| {
            bytes.truncate(WRITE_LIMIT_BYTES);
            answered(writable(store.data_mut(), &file).and_then(|(file, quota)| {
                let written = quota.write(&file, &bytes, At::Offset(offset))?;
                Ok(written as u64)
            }))
        },
    )?;
    files.func_wrap("[method]descriptor.set-size", |mut store: Store<'_>, (file, bytes)| {
        answered(writable(store.data_mut(), &file).and_then(|(file, quota)| Ok(quota.set_len(&file, bytes)?)))
    })?;
    // Advice can start to write to the disk.
    files.func_wrap(
        "[method]descriptor.advise",
        |mut store: Store<'_>, (file, _, _, _): (Resource<Descriptor>, u64, u64, Advice)| {
            answered(match store.data_mut().table().get(&file)? {
                Descriptor::File(_) => Ok(()),
                Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
            })
        },
    )?;
    // What is in `/tmp` does not outlive the environment, and writing it to the disk can take longer than there is.
    for sync in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        files.func_wrap(sync, |store: Store<'_>, (file,): (Resource<Descriptor>,)| {
            store.data().has_open(&file)?;
            Ok((Ok::<(), ErrorCode>(()),))
        })?;
    }
    Ok(())
}

fn limit_streams(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap("[method]descriptor.read-via-stream", |mut store: Store<'_>, (file, offset)| {
        answered(read_stream(store.data_mut(), &file, offset))
    })?;
    files.func_wrap("[method]descriptor.write-via-stream", |mut store: Store<'_>, (file, offset)| {
        answered(write_stream(store.data_mut(), &file, At::Offset(offset)))
    })?;
    files.func_wrap("[method]descriptor.append-via-stream", |mut store: Store<'_>, (file,)| {
        answered(write_stream(store.data_mut(), &file, At::End))
    })
}

fn read_stream(state: &mut State, file: &Resource<Descriptor>, offset: u64) -> FsResult<Resource<DynInputStream>> {
    let stream = FileReader::over(readable(state, file)?, offset);
    let stream = state.table().push(stream)?;
    state.held.opened_stream(stream.rep(), file.rep());
    Ok(stream)
}

fn write_stream(state: &mut State, file: &Resource<Descriptor>, at: At) -> FsResult<Resource<DynOutputStream>> {
    let (writable, quota) = writable(state, file)?;
    let stream = state.table().push(FileWriter::over(writable, at, quota))?;
    state.held.opened_stream(stream.rep(), file.rep());
    Ok(stream)
}

/// What a function of WASI returns: errors that the guest may handle are part of it, others are traps.
fn answered<T>(result: FsResult<T>) -> Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => error.downcast().map(|code| (Err(code),)),
    }
}

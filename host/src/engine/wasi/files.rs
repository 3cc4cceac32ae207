//! Files and folders: `wasi:filesystem/types`, within the limits of `/tmp` and of what the host may hold for them.

use std::{fs::File, path::Path, sync::Arc};

use cap_std::fs::{Dir, MetadataExt as _};
use wasmtime::{
    Result, StoreContextMut,
    component::{LinkerInstance, Resource, ResourceType},
};
use wasmtime_wasi::{
    FsPerms,
    filesystem::{Descriptor, WasiFilesystemView as _},
    p2::{
        DynOutputStream, FsResult,
        bindings::filesystem::types::{
            DescriptorFlags, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor,
            HostDirectoryEntryStream, OpenFlags, PathFlags,
        },
    },
};

use super::{
    super::state::State,
    streams::{FileStream, STREAM_BYTES},
};
use crate::tmp::{At, BLOCK_BYTES, DEPTH_LIMIT, Quota, Stat, depth, height};

/// How much a guest may write into a file with one call, in bytes. Less is written of a longer text, which is no error.
const WRITE_LIMIT_BYTES: usize = 64 * 1024;

/// Longer paths are not looked at: the kernel takes none either.
const PATH_LIMIT_BYTES: usize = 4 * 1024;

type Folder = Resource<Descriptor>;
type Store<'a> = StoreContextMut<'a, State>;

pub(super) fn limit(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    limit_making(files)?;
    limit_writing(files)?;
    limit_streams(files)?;
    files.func_wrap_async("[method]descriptor.read-directory", |store: Store<'_>, (folder,)| {
        Box::new(async move { answered(read_directory(store, folder).await) })
    })?;
    files.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        |mut store: Store<'_>, rep| {
            store.data_mut().held.closed(rep);
            HostDirectoryEntryStream::drop(&mut store.data_mut().filesystem(), Resource::new_own(rep))
        },
    )
}

/// What makes, moves or removes something in a folder.
fn limit_making(files: &mut LinkerInstance<'_, State>) -> Result<()> {
    files.func_wrap_async(
        "[method]descriptor.open-at",
        |store: Store<'_>, (folder, path_flags, path, open_flags, flags)| {
            Box::new(async move { answered(open_at(store, folder, path_flags, path, open_flags, flags).await) })
        },
    )?;
    files.func_wrap_async("[method]descriptor.create-directory-at", |store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(create_directory_at(store, folder, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.symlink-at", |store: Store<'_>, (folder, to, path)| {
        Box::new(async move { answered(symlink_at(store, folder, to, path).await) })
    })?;
    files.func_wrap_async(
        "[method]descriptor.link-at",
        |store: Store<'_>, (folder, path_flags, path, new_folder, new_path)| {
            Box::new(async move { answered(link_at(store, folder, path_flags, path, new_folder, new_path).await) })
        },
    )?;
    files.func_wrap_async(
        "[method]descriptor.rename-at",
        |store: Store<'_>, (folder, path, new_folder, new_path)| {
            Box::new(async move { answered(rename_at(store, folder, path, new_folder, new_path).await) })
        },
    )?;
    files.func_wrap_async("[method]descriptor.unlink-file-at", |store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(unlink_file_at(store, folder, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.remove-directory-at", |store: Store<'_>, (folder, path)| {
        Box::new(async move { answered(remove_directory_at(store, folder, path).await) })
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
        answered(open_stream(store.data_mut(), |state| state.filesystem().read_via_stream(file, offset)))
    })?;
    files.func_wrap("[method]descriptor.write-via-stream", |mut store: Store<'_>, (file, offset)| {
        answered(open_stream(store.data_mut(), |state| write_stream(state, &file, At::Offset(offset))))
    })?;
    files.func_wrap("[method]descriptor.append-via-stream", |mut store: Store<'_>, (file,)| {
        answered(open_stream(store.data_mut(), |state| write_stream(state, &file, At::End)))
    })
}

/// Opens a stream over a file if there is room for what the host will hold for it.
fn open_stream<T: 'static>(
    state: &mut State,
    open: impl FnOnce(&mut State) -> FsResult<Resource<T>>,
) -> FsResult<Resource<T>> {
    if state.held.left() < STREAM_BYTES {
        return Err(ErrorCode::InsufficientMemory.into());
    }
    let stream = open(state)?;
    state.held.opened(stream.rep(), STREAM_BYTES);
    Ok(stream)
}

fn write_stream(state: &mut State, file: &Resource<Descriptor>, at: At) -> FsResult<Resource<DynOutputStream>> {
    let (file, quota) = writable(state, file)?;
    Ok(state.table().push(FileStream::over(file, at, quota))?)
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
    mut store: Store<'_>,
    folder: Folder,
    path_flags: PathFlags,
    path: String,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> FsResult<Resource<Descriptor>> {
    if path.len() > PATH_LIMIT_BYTES {
        return Err(ErrorCode::NameTooLong.into());
    }
    let state = store.data_mut();
    let found = state.filesystem().stat_at(Resource::new_borrow(folder.rep()), path_flags, path.clone()).await;
    // What is not there may be made; any other reason why it can't be looked at keeps it from being opened too.
    let ordinary = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
    if found.as_ref().is_ok_and(|found| !ordinary.contains(&found.type_)) {
        return Err(ErrorCode::Unsupported.into());
    }
    let is_new = open_flags.contains(OpenFlags::CREATE) && found.is_err();
    if is_new {
        quota(state)?.may_add(0)?;
    }
    let opened = state.filesystem().open_at(folder, path_flags, path, open_flags, flags).await?;
    if let Descriptor::File(file) = state.table().get(&opened)? {
        let file = file.file.clone();
        quota(state)?.opened(&file, is_new)?;
    }
    Ok(opened)
}

/// Folders are nested so deep only that they can still be removed.
async fn create_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let parent = directory(state, &folder)?;
    let quota = quota(state)?;
    quota.may_add(BLOCK_BYTES)?;
    state.filesystem().create_directory_at(folder, path.clone()).await?;
    let made = parent.open_dir(&path)?.into_std_file();
    if !depth(quota.folder(), &made).is_ok_and(|depth| depth <= DEPTH_LIMIT) {
        parent.remove_dir(&path)?;
        return Err(ErrorCode::NameTooLong.into());
    }
    quota.made(Stat::of(&made.metadata()?));
    Ok(())
}

async fn symlink_at(mut store: Store<'_>, folder: Folder, to: String, path: String) -> FsResult<()> {
    let state = store.data_mut();
    quota(state)?.may_add(BLOCK_BYTES)?;
    let borrowed = Resource::new_borrow(folder.rep());
    state.filesystem().symlink_at(folder, to, path.clone()).await?;
    if let Some(made) = counted(state, &borrowed, &path)? {
        quota(state)?.made(made);
    }
    Ok(())
}

async fn link_at(
    mut store: Store<'_>,
    folder: Folder,
    path_flags: PathFlags,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
    let state = store.data_mut();
    quota(state)?.may_add(BLOCK_BYTES)?;
    let borrowed = Resource::new_borrow(new_folder.rep());
    state.filesystem().link_at(folder, path_flags, path, new_folder, new_path.clone()).await?;
    if let Some(made) = counted(state, &borrowed, &new_path)? {
        quota(state)?.linked(made);
    }
    Ok(())
}

async fn rename_at(
    mut store: Store<'_>,
    folder: Folder,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
    let state = store.data_mut();
    let quota = quota(state)?;
    let (from, to) = (directory(state, &folder)?, directory(state, &new_folder)?);
    if !stays_within_depth(&quota, &from, &path, &to, &new_path)? {
        return Err(ErrorCode::NameTooLong.into());
    }
    let (moved, replaced) = (counted(state, &folder, &path)?, counted(state, &new_folder, &new_path)?);
    let renamed = state.filesystem().rename_at(folder, path, new_folder, new_path).await;
    let replaced = replaced.filter(|replaced| moved.is_some_and(|moved| !moved.is_same_file(replaced)));
    forget(state, replaced, renamed)
}

/// Whether what is moved is nested no deeper than folders may be. What is not there can't be moved anyway.
fn stays_within_depth(quota: &Quota, from: &Dir, path: &str, to: &Dir, new_path: &str) -> std::io::Result<bool> {
    if !from.symlink_metadata(path).is_ok_and(|moved| moved.is_dir()) {
        return Ok(true);
    }
    let moved = from.open_dir(path)?;
    let parent = match Path::new(new_path).parent() {
        Some(parent) if parent != Path::new("") => to.open_dir(parent)?,
        _ => to.try_clone()?,
    };
    let depth_now = depth(quota.folder(), &moved.try_clone()?.into_std_file())?;
    let depth_then = depth(quota.folder(), &parent.into_std_file())? + 1;
    if depth_then <= depth_now {
        return Ok(true);
    }
    let room = DEPTH_LIMIT.saturating_sub(depth_then);
    Ok(depth_then <= DEPTH_LIMIT && height(&moved, room + 1)? <= room)
}

async fn unlink_file_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let before = counted(state, &folder, &path)?;
    let removed = state.filesystem().unlink_file_at(folder, path).await;
    forget(state, before, removed)
}

async fn remove_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let before = counted(state, &folder, &path)?;
    let removed = state.filesystem().remove_directory_at(folder, path).await;
    forget(state, before, removed)
}

/// Lists a folder if there is room for all of its entries, which the host holds until the listing is closed.
async fn read_directory(mut store: Store<'_>, folder: Folder) -> FsResult<Resource<DirectoryEntryStream>> {
    let state = store.data_mut();
    let bytes = match state.table().get(&folder)? {
        Descriptor::Dir(_) => size(&directory(state, &folder)?, state.held.left())?,
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

/// What a guest is about to remove, or has made, where that is counted.
fn counted(state: &mut State, folder: &Folder, path: &str) -> FsResult<Option<Stat>> {
    if !quota(state)?.counts() {
        return Ok(None);
    }
    let folder = directory(state, folder)?;
    Ok(folder.symlink_metadata(path).ok().map(|found| {
        let bytes = (!found.is_dir()).then_some(found.len());
        Stat::new(found.dev(), found.ino(), found.nlink(), bytes)
    }))
}

fn forget(state: &mut State, before: Option<Stat>, removed: FsResult<()>) -> FsResult<()> {
    removed?;
    if let Some(before) = before {
        quota(state)?.removed(before);
    }
    Ok(())
}

/// The file, if the guest may write into it, with the limits it is to keep to.
fn writable(state: &mut State, file: &Resource<Descriptor>) -> FsResult<(Arc<File>, Arc<Quota>)> {
    match state.table().get(file)? {
        Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        Descriptor::File(file) if file.perms == FsPerms::ReadOnly => Err(ErrorCode::NotPermitted.into()),
        Descriptor::File(file) => {
            let file = file.file.clone();
            Ok((file, quota(state)?))
        }
    }
}

fn directory(state: &mut State, folder: &Folder) -> FsResult<Dir> {
    match state.table().get(folder)? {
        Descriptor::Dir(folder) => Ok(Dir::from_std_file(folder.dir.try_clone()?)),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// Who has a folder has one that was given to it, with its limits.
fn quota(state: &State) -> FsResult<Arc<Quota>> {
    state.quota.clone().ok_or_else(|| ErrorCode::NotPermitted.into())
}

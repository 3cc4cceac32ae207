//! Files and folders: `wasi:filesystem/types`, within the limits of `/tmp` and of what the host may hold for them.

use std::{fs::File, path::Path, sync::Arc};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
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
            Advice, DescriptorFlags, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode, HostDescriptor,
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
    let (dir, permissions) = directory(state, &folder)?;
    let quota = quota(state)?;
    let may_make = open_flags.contains(OpenFlags::CREATE) && permissions == FsPerms::ReadWrite;
    let _names = if may_make || quota.is_counting() { Some(quota.names().await) } else { None };
    let found = state.filesystem().stat_at(Resource::new_borrow(folder.rep()), path_flags, path.clone()).await;
    // What is not there may be made; any other reason why it can't be looked at keeps it from being opened too.
    let ordinary = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
    if found.as_ref().is_ok_and(|found| !ordinary.contains(&found.type_)) {
        return Err(ErrorCode::Unsupported.into());
    }
    let is_new = may_make && found.is_err();
    let parents = match is_new {
        true => Parents::look(&quota, [parent(&dir, &path)?])?,
        false => Parents::default(),
    };
    if is_new {
        quota.may_add(BLOCK_BYTES)?;
    }
    let opened = state.filesystem().open_at(folder, path_flags, path, open_flags, flags).await?;
    if let Descriptor::File(file) = state.table().get(&opened)? {
        if is_new {
            quota.made(Stat::of(&file.file.metadata()?));
            parents.settle(&quota)?;
        }
        quota.opened(&file.file)?;
    }
    Ok(opened)
}

/// Folders are nested so deep only that they can still be removed.
async fn create_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (dir, quota) = changeable(state, &folder)?;
    let _names = quota.names().await;
    let parent = parent(&dir, &path)?;
    if depth(quota.folder(), &parent.try_clone()?.into_std_file())? >= DEPTH_LIMIT {
        return Err(ErrorCode::NameTooLong.into());
    }
    quota.may_add(BLOCK_BYTES)?;
    let parents = Parents::look(&quota, [parent])?;
    state.filesystem().create_directory_at(folder, path.clone()).await?;
    if let Some(made) = looked_at(&quota, &dir, &path) {
        quota.made(made);
    }
    Ok(parents.settle(&quota)?)
}

async fn symlink_at(mut store: Store<'_>, folder: Folder, to: String, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (dir, quota) = changeable(state, &folder)?;
    let _names = quota.names().await;
    quota.may_add(BLOCK_BYTES)?;
    let parents = Parents::look(&quota, [parent(&dir, &path)?])?;
    state.filesystem().symlink_at(folder, to, path.clone()).await?;
    if let Some(made) = looked_at(&quota, &dir, &path) {
        quota.made(made);
    }
    Ok(parents.settle(&quota)?)
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
    let (to, quota) = changeable(state, &new_folder)?;
    let _names = quota.names().await;
    quota.may_add(BLOCK_BYTES)?;
    let parents = Parents::look(&quota, [parent(&to, &new_path)?])?;
    state.filesystem().link_at(folder, path_flags, path, new_folder, new_path.clone()).await?;
    if let Some(now) = looked_at(&quota, &to, &new_path) {
        quota.changed(now.with_links(-1), now);
    }
    Ok(parents.settle(&quota)?)
}

async fn rename_at(
    mut store: Store<'_>,
    folder: Folder,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
    let state = store.data_mut();
    let ((from, quota), (to, _)) = (changeable(state, &folder)?, changeable(state, &new_folder)?);
    let _names = quota.names().await;
    let (old_parent, new_parent) = (parent(&from, &path)?, parent(&to, &new_path)?);
    if !stays_within_depth(&quota, &from, &path, &new_parent)? {
        return Err(ErrorCode::NameTooLong.into());
    }
    let [old, new] = [stat(&old_parent.dir_metadata()?), stat(&new_parent.dir_metadata()?)];
    if !old.is_same_file(&new) {
        quota.may_move()?;
    }
    let (moved, replaced) = (looked_at(&quota, &from, &path), looked_at(&quota, &to, &new_path));
    let parents = Parents::look(&quota, [old_parent, new_parent])?;
    state.filesystem().rename_at(folder, path, new_folder, new_path).await?;
    if let (Some(moved), Some(replaced)) = (moved, replaced)
        && !moved.is_same_file(&replaced)
    {
        quota.changed(replaced, replaced.with_links(-1));
    }
    Ok(parents.settle(&quota)?)
}

/// Whether what is moved is nested no deeper than folders may be. What is not there can't be moved anyway.
fn stays_within_depth(quota: &Quota, from: &Dir, path: &str, new_parent: &Dir) -> std::io::Result<bool> {
    if !from.symlink_metadata(path).is_ok_and(|moved| moved.is_dir()) {
        return Ok(true);
    }
    let moved = from.open_dir(path)?;
    let depth_now = depth(quota.folder(), &moved.try_clone()?.into_std_file())?;
    let depth_then = depth(quota.folder(), &new_parent.try_clone()?.into_std_file())?.saturating_add(1);
    if depth_then <= depth_now {
        return Ok(true);
    }
    let room = DEPTH_LIMIT.saturating_sub(depth_then);
    Ok(depth_then <= DEPTH_LIMIT && height(&moved, room + 1)? <= room)
}

async fn unlink_file_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (dir, quota) = changeable(state, &folder)?;
    let _names = quota.names().await;
    let before = looked_at(&quota, &dir, &path);
    let parents = Parents::look(&quota, [parent(&dir, &path)?])?;
    state.filesystem().unlink_file_at(folder, path).await?;
    if let Some(before) = before {
        quota.changed(before, before.with_links(-1));
    }
    Ok(parents.settle(&quota)?)
}

async fn remove_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (dir, quota) = changeable(state, &folder)?;
    let _names = quota.names().await;
    let before = looked_at(&quota, &dir, &path);
    let parents = Parents::look(&quota, [parent(&dir, &path)?])?;
    state.filesystem().remove_directory_at(folder, path).await?;
    if let Some(before) = before {
        quota.changed(before, before.with_links(-1));
    }
    Ok(parents.settle(&quota)?)
}

/// Folders whose names change: they become larger and smaller with them.
#[derive(Default)]
struct Parents(Vec<(Dir, Stat)>);

impl Parents {
    /// Takes note of how large they are, where that is counted.
    fn look<const N: usize>(quota: &Quota, folders: [Dir; N]) -> std::io::Result<Self> {
        let mut looked = Self::default();
        for folder in folders.into_iter().filter(|_| quota.is_counting()) {
            let before = stat(&folder.dir_metadata()?);
            looked.0.push((folder, before));
        }
        Ok(looked)
    }

    fn settle(self, quota: &Quota) -> std::io::Result<()> {
        for (folder, before) in self.0 {
            quota.changed(before, stat(&folder.dir_metadata()?));
        }
        Ok(())
    }
}

/// Lists a folder if there is room for all of its entries, which the host holds until the listing is closed.
async fn read_directory(mut store: Store<'_>, folder: Folder) -> FsResult<Resource<DirectoryEntryStream>> {
    let state = store.data_mut();
    let bytes = match state.table().get(&folder)? {
        Descriptor::Dir(_) => size(&directory(state, &folder)?.0, state.held.left())?,
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

/// What is there, where that is counted.
fn looked_at(quota: &Quota, folder: &Dir, path: &str) -> Option<Stat> {
    let found = quota.is_counting().then(|| folder.symlink_metadata(path));
    found?.ok().map(|found| stat(&found))
}

fn stat(metadata: &Metadata) -> Stat {
    Stat::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
}

/// The folder that a path's last name is in.
fn parent(folder: &Dir, path: &str) -> std::io::Result<Dir> {
    match Path::new(path).parent() {
        Some(parent) if parent != Path::new("") => folder.open_dir(parent),
        _ => folder.try_clone(),
    }
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

/// The folder, if the guest may change what is in it, with the limits it is to keep to.
fn changeable(state: &mut State, folder: &Folder) -> FsResult<(Dir, Arc<Quota>)> {
    match directory(state, folder)? {
        (_, FsPerms::ReadOnly) => Err(ErrorCode::NotPermitted.into()),
        (folder, FsPerms::ReadWrite) => Ok((folder, quota(state)?)),
    }
}

fn directory(state: &mut State, folder: &Folder) -> FsResult<(Dir, FsPerms)> {
    match state.table().get(folder)? {
        Descriptor::Dir(folder) => Ok((Dir::from_std_file(folder.dir.try_clone()?), folder.perms)),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// The limits of `/tmp`. Without it there are no files or folders that a guest could name.
fn quota(state: &State) -> FsResult<Arc<Quota>> {
    state.quota.clone().ok_or_else(|| ErrorCode::NotPermitted.into())
}

//! Files and folders: `wasi:filesystem/types`, within the limits of `/tmp` and of what the host may hold for them.

use std::{ffi::OsString, fs::File, io, path::Path, sync::Arc};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use tokio::sync::OwnedMutexGuard;
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
    let quota = quota(state)?;
    let may_make = open_flags.contains(OpenFlags::CREATE) && permissions(state, &folder)? == FsPerms::ReadWrite;
    let _names = if may_make || quota.is_counting() { Some(quota.names().await) } else { None };
    let found = state.filesystem().stat_at(Resource::new_borrow(folder.rep()), path_flags, path.clone()).await;
    // What is not there may be made; any other reason why it can't be looked at keeps it from being opened too.
    let ordinary = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
    if found.as_ref().is_ok_and(|found| !ordinary.contains(&found.type_)) {
        return Err(ErrorCode::Unsupported.into());
    }
    let name = match may_make && found.is_err() {
        true => Some(Name::look(quota.clone(), &directory(state, &folder)?, &path)?),
        false => None,
    };
    if name.is_some() {
        quota.may_add(BLOCK_BYTES)?;
    }
    let opened = state.filesystem().open_at(folder, path_flags, path, open_flags, flags).await?;
    if let Descriptor::File(file) = state.table().get(&opened)? {
        if let Some(name) = name {
            // By a link, its name may be another.
            quota.made(Stat::of(&file.file.metadata()?));
            name.settle()?;
        }
        quota.opened(&file.file)?;
    }
    Ok(opened)
}

/// Folders are nested so deep only that they can still be removed.
async fn create_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    if depth(name.quota.folder(), &name.parent)? >= DEPTH_LIMIT {
        return Err(ErrorCode::NameTooLong.into());
    }
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().create_directory_at(folder, path).await?;
    Ok(name.made()?)
}

async fn symlink_at(mut store: Store<'_>, folder: Folder, to: String, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().symlink_at(folder, to, path).await?;
    Ok(name.made()?)
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
    let (name, _names) = Name::hold(state, &new_folder, &new_path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().link_at(folder, path_flags, path, new_folder, new_path).await?;
    Ok(name.linked()?)
}

async fn rename_at(
    mut store: Store<'_>,
    folder: Folder,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
    let state = store.data_mut();
    let (old, _names) = Name::hold(state, &folder, &path).await?;
    let new = Name::look(old.quota.clone(), &changeable(state, &new_folder)?, &new_path)?;
    if !old.stays_within_depth_at(&new)? {
        return Err(ErrorCode::NameTooLong.into());
    }
    let [from, to] = [stat(&old.parent.dir_metadata()?), stat(&new.parent.dir_metadata()?)];
    if !from.is_same_file(&to) {
        old.quota.may_move()?;
    }
    state.filesystem().rename_at(folder, path, new_folder, new_path).await?;
    old.settle()?;
    match (old.before, new.before) {
        (Some(moved), Some(replaced)) if !moved.is_same_file(&replaced) => Ok(new.removed()?),
        _ => Ok(new.settle()?),
    }
}

async fn unlink_file_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    state.filesystem().unlink_file_at(folder, path).await?;
    Ok(name.removed()?)
}

async fn remove_directory_at(mut store: Store<'_>, folder: Folder, path: String) -> FsResult<()> {
    let state = store.data_mut();
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    state.filesystem().remove_directory_at(folder, path).await?;
    Ok(name.removed()?)
}

/// A name in a folder, and what there was of both before it is changed. Only where that counts it is looked at.
struct Name {
    quota: Arc<Quota>,
    parent: Dir,
    /// `None` for a path that ends without one, which nothing can be made by.
    name: Option<OsString>,
    parent_before: Option<Stat>,
    before: Option<Stat>,
}

impl Name {
    /// Looks at a name that the guest may change, and keeps other instances from changing any meanwhile.
    async fn hold(state: &mut State, folder: &Folder, path: &str) -> FsResult<(Self, OwnedMutexGuard<()>)> {
        let (folder, quota) = (changeable(state, folder)?, quota(state)?);
        let names = quota.names().await;
        Ok((Self::look(quota, &folder, path)?, names))
    }

    fn look(quota: Arc<Quota>, folder: &Dir, path: &str) -> io::Result<Self> {
        let path = Path::new(path);
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => folder.open_dir(parent)?,
            _ => folder.try_clone()?,
        };
        let parent_before = quota.is_counting().then(|| parent.dir_metadata()).transpose()?.map(|found| stat(&found));
        let name = path.file_name().map(ToOwned::to_owned);
        let mut looked = Self { quota, parent, name, parent_before, before: None };
        looked.before = looked.now();
        Ok(looked)
    }

    /// What is there, where that is counted.
    fn now(&self) -> Option<Stat> {
        let name = self.name.as_ref().filter(|_| self.quota.is_counting())?;
        self.parent.symlink_metadata(name).ok().map(|found| stat(&found))
    }

    fn made(&self) -> io::Result<()> {
        if let Some(now) = self.now() {
            self.quota.made(now);
        }
        self.settle()
    }

    fn linked(&self) -> io::Result<()> {
        if let Some(now) = self.now() {
            self.quota.changed(now.with_links(-1), now);
        }
        self.settle()
    }

    fn removed(&self) -> io::Result<()> {
        if let Some(before) = self.before {
            self.quota.changed(before, before.with_links(-1));
        }
        self.settle()
    }

    /// The folder becomes larger and smaller with its names.
    fn settle(&self) -> io::Result<()> {
        if let Some(before) = self.parent_before {
            self.quota.changed(before, stat(&self.parent.dir_metadata()?));
        }
        Ok(())
    }

    /// Whether what is moved there is nested no deeper than folders may be. What is not there can't be moved anyway.
    fn stays_within_depth_at(&self, new: &Self) -> io::Result<bool> {
        let Some(name) = &self.name else { return Ok(true) };
        if !self.parent.symlink_metadata(name).is_ok_and(|moved| moved.is_dir()) {
            return Ok(true);
        }
        let moved = self.parent.open_dir(name)?;
        let depth_now = depth(self.quota.folder(), &moved)?;
        let depth_then = depth(self.quota.folder(), &new.parent)?.saturating_add(1);
        if depth_then <= depth_now {
            return Ok(true);
        }
        let room = DEPTH_LIMIT.saturating_sub(depth_then);
        Ok(depth_then <= DEPTH_LIMIT && height(&moved, room + 1)? <= room)
    }
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
fn size(folder: &Dir, limit: usize) -> io::Result<Option<usize>> {
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

fn stat(metadata: &Metadata) -> Stat {
    Stat::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
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

/// The folder, if the guest may change what is in it.
fn changeable(state: &mut State, folder: &Folder) -> FsResult<Dir> {
    match permissions(state, folder)? {
        FsPerms::ReadOnly => Err(ErrorCode::NotPermitted.into()),
        FsPerms::ReadWrite => directory(state, folder),
    }
}

fn directory(state: &mut State, folder: &Folder) -> FsResult<Dir> {
    match state.table().get(folder)? {
        Descriptor::Dir(folder) => Ok(Dir::from_std_file(folder.dir.try_clone()?)),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// What the guest may do in the folder.
fn permissions(state: &mut State, folder: &Folder) -> FsResult<FsPerms> {
    match state.table().get(folder)? {
        Descriptor::Dir(folder) => Ok(folder.perms),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// The limits of `/tmp`. Without it there are no files or folders that a guest could name.
fn quota(state: &State) -> FsResult<Arc<Quota>> {
    state.quota.clone().ok_or_else(|| ErrorCode::NotPermitted.into())
}

//! What guests do with files and folders, within the limits of `/tmp` and of what the host may hold for them. Both WASI 0.2 and WASI 0.1
//! come to this.

use std::{ffi::OsString, fs::File, io, path::Path, sync::Arc};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};
use tokio::{sync::OwnedMutexGuard, task::yield_now};
use wasmtime::component::Resource;
use wasmtime_wasi::{
    FsPerms,
    filesystem::{Descriptor, WasiFilesystemView as _},
    p2::{
        FsResult,
        bindings::filesystem::types::{
            DescriptorFlags, DescriptorType, DirectoryEntry, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
        },
    },
};

use super::super::state::State;
use crate::tmp::{BLOCK_BYTES, DEPTH_LIMIT, Quota, Stat, depth, height};

/// Longer paths are not looked at: the kernel takes none either. In bytes.
pub(super) const PATH_LIMIT_BYTES: usize = 4 * 1024;

type Folder = Resource<Descriptor>;

/// Opens files and folders, and nothing else: to open a named pipe waits for its other end, and nothing could stop that.
/// Guests can't make pipes, but others may leave one in `/tmp`.
pub(super) async fn open_at(
    state: &mut State,
    folder: Folder,
    path_flags: PathFlags,
    path: String,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> FsResult<Resource<Descriptor>> {
    if path.len() > PATH_LIMIT_BYTES {
        return Err(ErrorCode::NameTooLong.into());
    }
    // WASI 0.2 has no `EMFILE`. That the quota is used up is nearest to it.
    if !state.held.has_room_for_file() {
        return Err(ErrorCode::Quota.into());
    }
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
    state.held.opened_file(opened.rep());
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
pub(super) async fn create_directory_at(state: &mut State, folder: Folder, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    if depth(name.quota.folder(), &name.parent)? >= DEPTH_LIMIT {
        return Err(ErrorCode::NameTooLong.into());
    }
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().create_directory_at(folder, path).await?;
    Ok(name.made()?)
}

pub(super) async fn symlink_at(state: &mut State, folder: Folder, to: String, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().symlink_at(folder, to, path).await?;
    Ok(name.made()?)
}

pub(super) async fn link_at(
    state: &mut State,
    folder: Folder,
    path_flags: PathFlags,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &new_folder, &new_path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().link_at(folder, path_flags, path, new_folder, new_path).await?;
    Ok(name.linked()?)
}

pub(super) async fn rename_at(
    state: &mut State,
    folder: Folder,
    path: String,
    new_folder: Folder,
    new_path: String,
) -> FsResult<()> {
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

pub(super) async fn unlink_file_at(state: &mut State, folder: Folder, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &folder, &path).await?;
    state.filesystem().unlink_file_at(folder, path).await?;
    Ok(name.removed()?)
}

pub(super) async fn remove_directory_at(state: &mut State, folder: Folder, path: String) -> FsResult<()> {
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

/// What is in a folder, and how much that takes in bytes, if there is room for all of it. It is listed with pauses, in which a deadline can
/// end it. What is gone meanwhile is left out, and so are names that no guest could say.
pub(super) async fn entries(state: &mut State, folder: &Folder) -> FsResult<(Vec<DirectoryEntry>, usize)> {
    let (mut entries, mut bytes, left) = (Vec::new(), 0, state.held.left());
    for (number, entry) in directory(state, folder)?.entries()?.enumerate() {
        if number % ENTRIES_WITHOUT_A_PAUSE == ENTRIES_WITHOUT_A_PAUSE - 1 {
            yield_now().await;
        }
        let entry = entry?;
        let (Ok(file_type), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
        bytes += size_of::<DirectoryEntry>() + ALLOCATION_BYTES + name.len();
        if bytes > left {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let type_ = match () {
            () if file_type.is_dir() => DescriptorType::Directory,
            () if file_type.is_file() => DescriptorType::RegularFile,
            () if file_type.is_symlink() => DescriptorType::SymbolicLink,
            () => DescriptorType::Unknown,
        };
        entries.push(DirectoryEntry { type_, name });
    }
    Ok((entries, bytes))
}

/// An allocation is larger than what it is for.
const ALLOCATION_BYTES: usize = 32;

/// How many entries of a folder are looked at at once.
const ENTRIES_WITHOUT_A_PAUSE: usize = 256;

fn stat(metadata: &Metadata) -> Stat {
    Stat::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
}

/// Closes a file or folder, unless a stream still has it open.
pub(super) fn close(state: &mut State, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
    state.held.closed(descriptor.rep());
    HostDescriptor::drop(&mut state.filesystem(), descriptor)
}

/// The file, to be read.
pub(super) fn readable(state: &mut State, file: &Resource<Descriptor>) -> FsResult<Arc<File>> {
    match state.table().get(file)? {
        Descriptor::Dir(_) => Err(ErrorCode::IsDirectory.into()),
        Descriptor::File(file) => Ok(file.file.clone()),
    }
}

/// The file, if the guest may write into it, with the limits it is to keep to.
pub(super) fn writable(state: &mut State, file: &Resource<Descriptor>) -> FsResult<(Arc<File>, Arc<Quota>)> {
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

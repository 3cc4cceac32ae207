//! This module implements guests' access to files and directories. It keeps to the limits of `/tmp` and to the
//! instance's [`HostQuota`]. The functions for WASI 0.2 ([`super::filesystem`]) and WASI 0.1 ([`super::preview1`]) both
//! call it.
//!
//! A function that creates, moves or removes a name works in four steps: it takes the lock on all names
//! ([`Quota::names`]), reads the state before the change, lets wasmtime-wasi make the change, and counts the
//! difference.
//!
//! [`HostQuota`]: super::host_quota::HostQuota

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

use super::super::store_state::StoreState;
use crate::tmp::{BLOCK_BYTES, DEPTH_LIMIT, Quota, Stat, depth, height};

/// The maximum length of a path, in bytes. The kernel rejects longer paths, too.
pub(super) const PATH_LIMIT_BYTES: usize = 4 * 1024;

type Directory = Resource<Descriptor>;

/// Opens a file or directory. Other file types are refused: opening a named pipe blocks until its other end is opened,
/// and nothing can stop a thread that waits for that. Guests can't create pipes, but other processes may leave one in
/// `/tmp`.
pub(super) async fn open_at(
    state: &mut StoreState,
    directory: Directory,
    path_flags: PathFlags,
    path: String,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> FsResult<Resource<Descriptor>> {
    if path.len() > PATH_LIMIT_BYTES {
        return Err(ErrorCode::NameTooLong.into());
    }
    // WASI 0.2 has no `EMFILE`. `quota` is the nearest error code.
    if !state.held.has_room_for_file() {
        return Err(ErrorCode::Quota.into());
    }
    let quota = quota(state)?;
    let may_make = open_flags.contains(OpenFlags::CREATE) && permissions(state, &directory)? == FsPerms::ReadWrite;
    let _names = if may_make || quota.is_counting() { Some(quota.names().await) } else { None };
    let found = state.filesystem().stat_at(Resource::new_borrow(directory.rep()), path_flags, path.clone()).await;
    // If the lookup fails because the file does not exist, the file may be created below. Any other error makes opening
    // fail, too.
    let ordinary = [DescriptorType::RegularFile, DescriptorType::Directory, DescriptorType::SymbolicLink];
    if found.as_ref().is_ok_and(|found| !ordinary.contains(&found.type_)) {
        return Err(ErrorCode::Unsupported.into());
    }
    let name = match may_make && found.is_err() {
        true => Some(Name::look(quota.clone(), &dir(state, &directory)?, &path)?),
        false => None,
    };
    if name.is_some() {
        quota.may_add(BLOCK_BYTES)?;
    }
    let opened = state.filesystem().open_at(directory, path_flags, path, open_flags, flags).await?;
    state.held.opened_file(opened.rep());
    if let Descriptor::File(file) = state.table().get(&opened)? {
        if let Some(name) = name {
            // The path may be a symbolic link to a file of another name. So the opened file is counted, not `name`.
            quota.made(Stat::of(&file.file.metadata()?));
            name.settle()?;
        }
        quota.opened(&file.file)?;
    }
    Ok(opened)
}

/// Creates a directory, at most [`DEPTH_LIMIT`] levels deep. Deeper directories could not be removed by their paths.
pub(super) async fn create_directory_at(state: &mut StoreState, directory: Directory, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &directory, &path).await?;
    if depth(name.quota.directory(), &name.parent)? >= DEPTH_LIMIT {
        return Err(ErrorCode::NameTooLong.into());
    }
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().create_directory_at(directory, path).await?;
    Ok(name.made()?)
}

/// Creates a symbolic link, which counts as one block.
pub(super) async fn symlink_at(state: &mut StoreState, directory: Directory, to: String, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &directory, &path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().symlink_at(directory, to, path).await?;
    Ok(name.made()?)
}

/// Creates a hard link, which counts as one block.
pub(super) async fn link_at(
    state: &mut StoreState,
    directory: Directory,
    path_flags: PathFlags,
    path: String,
    new_directory: Directory,
    new_path: String,
) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &new_directory, &new_path).await?;
    name.quota.may_add(BLOCK_BYTES)?;
    state.filesystem().link_at(directory, path_flags, path, new_directory, new_path).await?;
    Ok(name.linked()?)
}

/// Moves or renames an entry, within the depth limit. A file that is replaced counts as removed.
pub(super) async fn rename_at(
    state: &mut StoreState,
    directory: Directory,
    path: String,
    new_directory: Directory,
    new_path: String,
) -> FsResult<()> {
    let (old, _names) = Name::hold(state, &directory, &path).await?;
    let new = Name::look(old.quota.clone(), &changeable(state, &new_directory)?, &new_path)?;
    if !old.stays_within_depth_at(&new)? {
        return Err(ErrorCode::NameTooLong.into());
    }
    let [from, to] = [stat(&old.parent.dir_metadata()?), stat(&new.parent.dir_metadata()?)];
    if !from.is_same_file(&to) {
        old.quota.may_move()?;
    }
    state.filesystem().rename_at(directory, path, new_directory, new_path).await?;
    old.settle()?;
    match (old.before, new.before) {
        // Renaming one link to a file over another link to the same file changes nothing.
        (Some(moved), Some(replaced)) if !moved.is_same_file(&replaced) => Ok(new.removed()?),
        _ => Ok(new.settle()?),
    }
}

/// Removes a file. While it is open, it still counts.
pub(super) async fn unlink_file_at(state: &mut StoreState, directory: Directory, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &directory, &path).await?;
    state.filesystem().unlink_file_at(directory, path).await?;
    Ok(name.removed()?)
}

/// Removes an empty directory.
pub(super) async fn remove_directory_at(state: &mut StoreState, directory: Directory, path: String) -> FsResult<()> {
    let (name, _names) = Name::hold(state, &directory, &path).await?;
    state.filesystem().remove_directory_at(directory, path).await?;
    Ok(name.removed()?)
}

/// A `Name` is a directory entry that a guest is about to change. It records the state of the entry and of its
/// directory before the change, if the quota counts files.
struct Name {
    quota: Arc<Quota>,
    parent: Dir,
    /// The last component of the path. `None` if the path has none, as in `..`: nothing can be created under such a
    /// path.
    name: Option<OsString>,
    parent_before: Option<Stat>,
    before: Option<Stat>,
}

impl Name {
    /// Reads the state of a name that the guest is about to change. The guard keeps other instances from changing any
    /// name in the meantime.
    async fn hold(state: &mut StoreState, directory: &Directory, path: &str) -> FsResult<(Self, OwnedMutexGuard<()>)> {
        let (directory, quota) = (changeable(state, directory)?, quota(state)?);
        let names = quota.names().await;
        Ok((Self::look(quota, &directory, path)?, names))
    }

    /// Reads the state of a name. The caller holds the lock on all names.
    fn look(quota: Arc<Quota>, directory: &Dir, path: &str) -> io::Result<Self> {
        let path = Path::new(path);
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => directory.open_dir(parent)?,
            _ => directory.try_clone()?,
        };
        let parent_before = quota.is_counting().then(|| parent.dir_metadata()).transpose()?.map(|found| stat(&found));
        let name = path.file_name().map(ToOwned::to_owned);
        let mut looked = Self { quota, parent, name, parent_before, before: None };
        looked.before = looked.now();
        Ok(looked)
    }

    /// Returns the current state of the entry, or `None` if it does not exist or files are not counted.
    fn now(&self) -> Option<Stat> {
        let name = self.name.as_ref().filter(|_| self.quota.is_counting())?;
        self.parent.symlink_metadata(name).ok().map(|found| stat(&found))
    }

    /// Counts an entry that was just created.
    fn made(&self) -> io::Result<()> {
        if let Some(now) = self.now() {
            self.quota.made(now);
        }
        self.settle()
    }

    /// Counts a hard link that was just created: the file has one link more than before.
    fn linked(&self) -> io::Result<()> {
        if let Some(now) = self.now() {
            self.quota.changed(now.with_links(-1), now);
        }
        self.settle()
    }

    /// Counts the removal of the entry: the file has one link less than before.
    fn removed(&self) -> io::Result<()> {
        if let Some(before) = self.before {
            self.quota.changed(before, before.with_links(-1));
        }
        self.settle()
    }

    /// Counts the change in the size of the parent directory, which grows and shrinks with the number of its names.
    fn settle(&self) -> io::Result<()> {
        if let Some(before) = self.parent_before {
            self.quota.changed(before, stat(&self.parent.dir_metadata()?));
        }
        Ok(())
    }

    /// Returns whether the directories in this entry stay within [`DEPTH_LIMIT`] after a move to `new`. An entry that
    /// does not exist passes: the move itself then fails.
    fn stays_within_depth_at(&self, new: &Self) -> io::Result<bool> {
        let Some(name) = &self.name else { return Ok(true) };
        if !self.parent.symlink_metadata(name).is_ok_and(|moved| moved.is_dir()) {
            return Ok(true);
        }
        let moved = self.parent.open_dir(name)?;
        let depth_now = depth(self.quota.directory(), &moved)?;
        let depth_then = depth(self.quota.directory(), &new.parent)?.saturating_add(1);
        if depth_then <= depth_now {
            return Ok(true);
        }
        let room = DEPTH_LIMIT.saturating_sub(depth_then);
        Ok(depth_then <= DEPTH_LIMIT && height(&moved, room + 1)? <= room)
    }
}

/// Returns the entries of a directory, and the memory that they take in the host, in bytes. Fails if that is more than
/// the instance's quota has left. The listing pauses regularly, so that a deadline can end it. Entries that were
/// removed in the meantime are left out, and so are names that are not UTF-8, which no guest can spell.
pub(super) async fn entries(state: &mut StoreState, directory: &Directory) -> FsResult<(Vec<DirectoryEntry>, usize)> {
    let (mut entries, mut bytes, left) = (Vec::new(), 0, state.held.left());
    for (number, entry) in dir(state, directory)?.entries()?.enumerate() {
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

/// Estimates how much larger a name's allocation is than the name, in bytes.
const ALLOCATION_BYTES: usize = 32;

/// The number of directory entries that are read without a pause.
const ENTRIES_WITHOUT_A_PAUSE: usize = 256;

fn stat(metadata: &Metadata) -> Stat {
    Stat::new(metadata.dev(), metadata.ino(), metadata.nlink(), metadata.len(), metadata.is_dir())
}

/// Drops a descriptor. The file stays open until the streams over it are dropped, too.
pub(super) fn close(state: &mut StoreState, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
    state.held.closed(descriptor.rep());
    HostDescriptor::drop(&mut state.filesystem(), descriptor)
}

/// Returns the open file for reading.
pub(super) fn readable(state: &mut StoreState, file: &Resource<Descriptor>) -> FsResult<Arc<File>> {
    match state.table().get(file)? {
        Descriptor::Dir(_) => Err(ErrorCode::IsDirectory.into()),
        Descriptor::File(file) => Ok(file.file.clone()),
    }
}

/// Returns the open file and the limits of `/tmp`, if the guest may write to the file.
pub(super) fn writable(state: &mut StoreState, file: &Resource<Descriptor>) -> FsResult<(Arc<File>, Arc<Quota>)> {
    match state.table().get(file)? {
        Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        Descriptor::File(file) if file.perms == FsPerms::ReadOnly => Err(ErrorCode::NotPermitted.into()),
        Descriptor::File(file) => {
            let file = file.file.clone();
            Ok((file, quota(state)?))
        }
    }
}

/// Returns the directory, if the guest may change its entries.
fn changeable(state: &mut StoreState, directory: &Directory) -> FsResult<Dir> {
    match permissions(state, directory)? {
        FsPerms::ReadOnly => Err(ErrorCode::NotPermitted.into()),
        FsPerms::ReadWrite => dir(state, directory),
    }
}

/// Returns a second handle to the open directory.
fn dir(state: &mut StoreState, directory: &Directory) -> FsResult<Dir> {
    match state.table().get(directory)? {
        Descriptor::Dir(directory) => Ok(Dir::from_std_file(directory.dir.try_clone()?)),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// Returns what the guest may do in the directory.
fn permissions(state: &mut StoreState, directory: &Directory) -> FsResult<FsPerms> {
    match state.table().get(directory)? {
        Descriptor::Dir(directory) => Ok(directory.perms),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// Returns the limits of `/tmp`. A guest without `/tmp` has no files or directories that it could name.
fn quota(state: &StoreState) -> FsResult<Arc<Quota>> {
    state.quota.clone().ok_or_else(|| ErrorCode::NotPermitted.into())
}

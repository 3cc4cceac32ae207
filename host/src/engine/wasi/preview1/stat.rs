//! This module describes open files and descriptors: `fd_fdstat_get`, `fd_filestat_get` and similar functions.

use wasmtime::component::Resource;
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemView as _},
    p1::types::{Errno, Error, Fd, Fdflags, Fdstat, Filestat, Filetype, Fstflags, Rights, Timestamp},
    p2::bindings::{
        clocks::wall_clock::Datetime,
        filesystem::types::{
            DescriptorFlags, DescriptorStat, HostDescriptor as _, MetadataHashValue, NewTimestamp, PathFlags,
        },
    },
};

use super::{descriptors::Open, open::descriptors};
use crate::engine::store_state::StoreState;

/// The rights that a preopened directory reports, and what files opened in it inherit (`FILE_RIGHTS`). Many libraries
/// expect exactly these. They are those of wasmtime-wasi.
const DIRECTORY_RIGHTS: Rights = Rights::PATH_CREATE_DIRECTORY
    .union(Rights::PATH_CREATE_FILE)
    .union(Rights::PATH_LINK_SOURCE)
    .union(Rights::PATH_LINK_TARGET)
    .union(Rights::PATH_OPEN)
    .union(Rights::FD_READDIR)
    .union(Rights::PATH_READLINK)
    .union(Rights::PATH_RENAME_SOURCE)
    .union(Rights::PATH_RENAME_TARGET)
    .union(Rights::PATH_SYMLINK)
    .union(Rights::PATH_REMOVE_DIRECTORY)
    .union(Rights::PATH_UNLINK_FILE)
    .union(Rights::PATH_FILESTAT_GET)
    .union(Rights::PATH_FILESTAT_SET_TIMES)
    .union(Rights::FD_FILESTAT_GET)
    .union(Rights::FD_FILESTAT_SET_TIMES);
const FILE_RIGHTS: Rights = Rights::FD_DATASYNC
    .union(Rights::FD_READ)
    .union(Rights::FD_SEEK)
    .union(Rights::FD_FDSTAT_SET_FLAGS)
    .union(Rights::FD_SYNC)
    .union(Rights::FD_TELL)
    .union(Rights::FD_WRITE)
    .union(Rights::FD_ADVISE)
    .union(Rights::FD_ALLOCATE)
    .union(Rights::FD_FILESTAT_GET)
    .union(Rights::FD_FILESTAT_SET_SIZE)
    .union(Rights::FD_FILESTAT_SET_TIMES)
    .union(Rights::POLL_FD_READWRITE);

/// Implements `fd_fdstat_get`.
pub(super) async fn descriptor(state: &mut StoreState, fd: Fd) -> Result<Fdstat, Error> {
    let of_stream = |rights| Fdstat {
        fs_filetype: Filetype::Unknown,
        fs_flags: Fdflags::empty(),
        fs_rights_base: rights,
        fs_rights_inheriting: rights,
    };
    let mut fs_flags = Fdflags::empty();
    let resource = match descriptors(state)?.get(fd)? {
        Open::Input(_) => return Ok(of_stream(Rights::FD_READ)),
        Open::Output(_) => return Ok(of_stream(Rights::FD_WRITE)),
        open @ Open::Directory(_) if open.preopened_as().is_some() => {
            return Ok(Fdstat {
                fs_filetype: Filetype::Directory,
                fs_flags,
                fs_rights_base: DIRECTORY_RIGHTS,
                fs_rights_inheriting: DIRECTORY_RIGHTS | FILE_RIGHTS,
            });
        }
        Open::Directory(directory) => directory.resource(),
        Open::File(file) => {
            fs_flags.set(Fdflags::APPEND, file.appends);
            fs_flags.set(Fdflags::NONBLOCK, file.is_nonblocking);
            file.resource()
        }
    };
    let flags = state.filesystem().get_flags(Resource::new_borrow(resource.rep())).await?;
    let fs_filetype = state.filesystem().get_type(resource).await?.try_into().map_err(Error::trap)?;
    for (flag, is_set) in [
        (Fdflags::DSYNC, DescriptorFlags::DATA_INTEGRITY_SYNC),
        (Fdflags::RSYNC, DescriptorFlags::REQUESTED_WRITE_SYNC),
        (Fdflags::SYNC, DescriptorFlags::FILE_INTEGRITY_SYNC),
    ] {
        fs_flags.set(flag, flags.contains(is_set));
    }
    let mut rights = Rights::all();
    if fs_filetype == Filetype::Directory {
        rights.remove(Rights::FD_SEEK | Rights::FD_FILESTAT_SET_SIZE | Rights::PATH_FILESTAT_SET_SIZE);
    }
    if !flags.contains(DescriptorFlags::READ) {
        rights.remove(Rights::FD_READ | Rights::FD_READDIR);
    }
    if !flags.contains(DescriptorFlags::WRITE) {
        rights.remove(Rights::FD_WRITE);
    }
    Ok(Fdstat { fs_filetype, fs_flags, fs_rights_base: rights, fs_rights_inheriting: rights })
}

/// Implements `fd_filestat_get`.
pub(super) async fn file(state: &mut StoreState, fd: Fd) -> Result<Filestat, Error> {
    let resource = match descriptors(state)?.get(fd)? {
        Open::Input(_) | Open::Output(_) => {
            let filetype = Filetype::Unknown;
            return Ok(Filestat { dev: 0, ino: 0, filetype, nlink: 0, size: 0, atim: 0, mtim: 0, ctim: 0 });
        }
        Open::Directory(directory) => directory.resource(),
        Open::File(file) => file.resource(),
    };
    let found = state.filesystem().stat(Resource::new_borrow(resource.rep())).await?;
    let hash = state.filesystem().metadata_hash(resource).await?;
    filestat(found, hash)
}

/// Implements `path_filestat_get`.
pub(super) async fn file_at(
    state: &mut StoreState,
    directory: Resource<Descriptor>,
    flags: PathFlags,
    path: String,
) -> Result<Filestat, Error> {
    let found = state.filesystem().stat_at(Resource::new_borrow(directory.rep()), flags, path.clone()).await?;
    let hash = state.filesystem().metadata_hash_at(directory, flags, path).await?;
    filestat(found, hash)
}

/// Converts a file's metadata to WASI 0.1. The inode number is wasmtime-wasi's hash of the file's identity.
fn filestat(found: DescriptorStat, hash: MetadataHashValue) -> Result<Filestat, Error> {
    let time = |time: Option<Datetime>| time.map_or(Ok(0), Timestamp::try_from);
    Ok(Filestat {
        dev: 1,
        ino: hash.lower,
        filetype: found.type_.try_into().map_err(Error::trap)?,
        nlink: found.link_count,
        size: found.size,
        atim: time(found.data_access_timestamp)?,
        mtim: time(found.data_modification_timestamp)?,
        ctim: time(found.status_change_timestamp)?,
    })
}

/// Converts the timestamps of a call that sets them: of the last access, and of the last modification.
pub(super) fn times(atim: Timestamp, mtim: Timestamp, flags: Fstflags) -> Result<(NewTimestamp, NewTimestamp), Errno> {
    let time = |time: Timestamp, set, now| match (flags.contains(set), flags.contains(now)) {
        (true, true) => Err(Errno::Inval),
        (true, false) => {
            let (seconds, nanoseconds) = (time / 1_000_000_000, (time % 1_000_000_000) as u32);
            Ok(NewTimestamp::Timestamp(Datetime { seconds, nanoseconds }))
        }
        (false, true) => Ok(NewTimestamp::Now),
        (false, false) => Ok(NewTimestamp::NoChange),
    };
    Ok((time(atim, Fstflags::ATIM, Fstflags::ATIM_NOW)?, time(mtim, Fstflags::MTIM, Fstflags::MTIM_NOW)?))
}

/// Returns the flags with which to open a file, given the rights that the guest requests.
pub(super) fn open_flags(rights: Rights, flags: Fdflags) -> DescriptorFlags {
    let mut open = DescriptorFlags::empty();
    for (is_set, flag) in [
        (rights.contains(Rights::FD_READ), DescriptorFlags::READ),
        (rights.contains(Rights::FD_WRITE), DescriptorFlags::WRITE),
        (flags.contains(Fdflags::SYNC), DescriptorFlags::FILE_INTEGRITY_SYNC),
        (flags.contains(Fdflags::DSYNC), DescriptorFlags::DATA_INTEGRITY_SYNC),
        (flags.contains(Fdflags::RSYNC), DescriptorFlags::REQUESTED_WRITE_SYNC),
    ] {
        if is_set {
            open |= flag;
        }
    }
    open
}

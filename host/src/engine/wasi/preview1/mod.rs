//! This module implements WASI 0.1 (`wasi_snapshot_preview1`) for core modules.
//!
//! The types and the linker function are wasmtime-wasi's. Its functions can't be used: their descriptors are private,
//! so the host could not limit what a guest writes, lists or waits for. The functions here share their code with those
//! for WASI 0.2, in [`super::files`]. [`super`] lists what they do differently from wasmtime-wasi.
//!
//! Source: the WASI 0.1 interface in witx, "wasi_snapshot_preview1". See docs/decisions/36-own-wasi-0-1.md.

pub(in crate::engine) mod descriptors;
mod directories;
mod listing;
mod open;
mod poll;
mod stat;
mod strings;
mod transfer;

use wasmtime::{Linker, Result};
use wasmtime_wasi::{
    I32Exit,
    cli::WasiCliView as _,
    clocks::WasiClocksView as _,
    filesystem::WasiFilesystemView as _,
    p1::{
        types::{
            Advice, CiovecArray, Clockid, Dircookie, Errno, Error, Event, Exitcode, Fd, Fdflags, Fdstat, Filedelta,
            Filesize, Filestat, Fstflags, IovecArray, Lookupflags, Oflags, Prestat, PrestatDir, Riflags, Rights,
            Roflags, Sdflags, Siflags, Signal, Size, Subscription, Timestamp, Whence,
        },
        wasi_snapshot_preview1::{WasiSnapshotPreview1, add_to_linker},
    },
    p2::bindings::{
        cli::environment::Host as _,
        clocks::{monotonic_clock, wall_clock},
        filesystem::types::HostDescriptor as _,
        random::random::Host as _,
    },
    random::WasiRandomView as _,
};
use wiggle::{GuestMemory, GuestPtr};

use self::{
    descriptors::Open,
    open::{close, descriptors, entry, no_socket},
    strings::{Returned, sizes, text, variables, write_texts},
    transfer::Place,
};
use super::files;
use crate::engine::store_state::StoreState;

/// Links WASI 0.1. It fails if wasmtime-wasi defines a function twice, which it does not.
pub(in crate::engine) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    add_to_linker(linker, |state| state)
}

impl WasiSnapshotPreview1 for StoreState {
    fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: GuestPtr<GuestPtr<u8>>,
        argv_buf: GuestPtr<u8>,
    ) -> Returned<()> {
        let arguments = self.cli().get_arguments().map_err(Error::trap)?;
        write_texts(memory, argv, argv_buf, arguments)
    }

    fn args_sizes_get(&mut self, _: &mut GuestMemory<'_>) -> Returned<(Size, Size)> {
        sizes(&self.cli().get_arguments().map_err(Error::trap)?)
    }

    fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        environ: GuestPtr<GuestPtr<u8>>,
        environ_buf: GuestPtr<u8>,
    ) -> Returned<()> {
        let variables = variables(self)?;
        write_texts(memory, environ, environ_buf, variables)
    }

    fn environ_sizes_get(&mut self, _: &mut GuestMemory<'_>) -> Returned<(Size, Size)> {
        sizes(&variables(self)?)
    }

    fn clock_res_get(&mut self, _: &mut GuestMemory<'_>, id: Clockid) -> Returned<Timestamp> {
        match id {
            Clockid::Realtime => {
                Ok(wall_clock::Host::resolution(&mut self.clocks()).map_err(Error::trap)?.try_into()?)
            }
            Clockid::Monotonic => monotonic_clock::Host::resolution(&mut self.clocks()).map_err(Error::trap),
            Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => Err(Errno::Badf.into()),
        }
    }

    fn clock_time_get(&mut self, _: &mut GuestMemory<'_>, id: Clockid, _: Timestamp) -> Returned<Timestamp> {
        match id {
            Clockid::Realtime => Ok(wall_clock::Host::now(&mut self.clocks()).map_err(Error::trap)?.try_into()?),
            Clockid::Monotonic => monotonic_clock::Host::now(&mut self.clocks()).map_err(Error::trap),
            Clockid::ProcessCputimeId | Clockid::ThreadCputimeId => Err(Errno::Badf.into()),
        }
    }

    // Advice is ignored: it can make the kernel start to write to the disk.
    async fn fd_advise(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        _: Filesize,
        _: Filesize,
        _: Advice,
    ) -> Returned<()> {
        Ok(descriptors(self)?.file(fd).map(drop)?)
    }

    fn fd_allocate(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Filesize, _: Filesize) -> Returned<()> {
        descriptors(self)?.file(fd)?;
        Err(Errno::Notsup.into())
    }

    async fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        let closed = descriptors(self)?.remove(fd)?;
        close(closed, self).await
    }

    // Syncing does nothing: `/tmp` does not outlive the environment, and writing it to the disk can take longer than
    // the time that is left.
    async fn fd_datasync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        Ok(descriptors(self)?.file(fd).map(drop)?)
    }

    async fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        Ok(descriptors(self)?.file(fd).map(drop)?)
    }

    async fn fd_fdstat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Fdstat> {
        stat::descriptor(self, fd).await
    }

    fn fd_fdstat_set_flags(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: Fdflags) -> Returned<()> {
        let file = descriptors(self)?.file_mut(fd)?;
        if flags.intersects(Fdflags::DSYNC | Fdflags::SYNC | Fdflags::RSYNC) {
            return Err(Errno::Inval.into());
        }
        file.appends = flags.contains(Fdflags::APPEND);
        file.is_nonblocking = flags.contains(Fdflags::NONBLOCK);
        Ok(())
    }

    fn fd_fdstat_set_rights(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Rights, _: Rights) -> Returned<()> {
        descriptors(self)?.resource(fd)?;
        Err(Errno::Notsup.into())
    }

    async fn fd_filestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Filestat> {
        stat::file(self, fd).await
    }

    async fn fd_filestat_set_size(&mut self, _: &mut GuestMemory<'_>, fd: Fd, size: Filesize) -> Returned<()> {
        let file = descriptors(self)?.file(fd)?.resource();
        let (file, quota) = files::writable(self, &file)?;
        quota.set_len(&file, size).map_err(transfer::failed)
    }

    async fn fd_filestat_set_times(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        atim: Timestamp,
        mtim: Timestamp,
        flags: Fstflags,
    ) -> Returned<()> {
        let (accessed, modified) = stat::times(atim, mtim, flags)?;
        let resource = descriptors(self)?.resource(fd)?;
        Ok(self.filesystem().set_times(resource, accessed, modified).await?)
    }

    async fn fd_read(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, iovs: IovecArray) -> Returned<Size> {
        transfer::read(self, memory, fd, iovs, Place::Current).await
    }

    async fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: IovecArray,
        offset: Filesize,
    ) -> Returned<Size> {
        transfer::read(self, memory, fd, iovs, Place::Offset(offset)).await
    }

    async fn fd_write(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, iovs: CiovecArray) -> Returned<Size> {
        transfer::write(self, memory, fd, iovs, Place::Current).await
    }

    async fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: CiovecArray,
        offset: Filesize,
    ) -> Returned<Size> {
        transfer::write(self, memory, fd, iovs, Place::Offset(offset)).await
    }

    fn fd_prestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Prestat> {
        match descriptors(self)?.get(fd)?.preopened_as() {
            Some(name) => Ok(Prestat::Dir(PrestatDir { pr_name_len: name.len().try_into()? })),
            None => Err(Errno::Badf.into()),
        }
    }

    fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<u8>,
        path_max_len: Size,
    ) -> Returned<()> {
        let name = descriptors(self)?.get(fd)?.preopened_as().ok_or(Errno::Notdir)?;
        let length = Size::try_from(name.len())?;
        if length > path_max_len {
            return Err(Errno::Nametoolong.into());
        }
        Ok(memory.copy_from_slice(name.as_bytes(), path.as_array(length))?)
    }

    async fn fd_renumber(&mut self, _: &mut GuestMemory<'_>, from: Fd, to: Fd) -> Returned<()> {
        let replaced = descriptors(self)?.renumber(from, to)?;
        match replaced {
            Some(replaced) => close(replaced, self).await,
            None => Ok(()),
        }
    }

    async fn fd_seek(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        offset: Filedelta,
        whence: Whence,
    ) -> Returned<Filesize> {
        let file = descriptors(self)?.seekable(fd)?;
        let begin = match whence {
            Whence::Set => 0,
            Whence::Cur => file.position,
            Whence::End => {
                let resource = file.resource();
                self.filesystem().stat(resource).await?.size
            }
        };
        let position = begin.checked_add_signed(offset).ok_or(Errno::Inval)?;
        descriptors(self)?.seekable(fd)?.position = position;
        Ok(position)
    }

    fn fd_tell(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Filesize> {
        Ok(descriptors(self)?.seekable(fd)?.position)
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        buf_len: Size,
        cookie: Dircookie,
    ) -> Returned<Size> {
        directories::list(self, memory, fd, buf.as_array(buf_len), cookie).await
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Returned<()> {
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        Ok(files::create_directory_at(self, directory, path).await?)
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> Returned<Filestat> {
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        stat::file_at(self, directory, flags.into(), path).await
    }

    async fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
        atim: Timestamp,
        mtim: Timestamp,
        fst_flags: Fstflags,
    ) -> Returned<()> {
        let (accessed, modified) = stat::times(atim, mtim, fst_flags)?;
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        Ok(self.filesystem().set_times_at(directory, flags.into(), path, accessed, modified).await?)
    }

    async fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old_fd: Fd,
        old_flags: Lookupflags,
        old_path: GuestPtr<str>,
        new_fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Returned<()> {
        let (old_directory, new_directory) =
            (descriptors(self)?.directory(old_fd)?, descriptors(self)?.directory(new_fd)?);
        let (old_path, new_path) = (text(memory, old_path)?, text(memory, new_path)?);
        Ok(files::link_at(self, old_directory, old_flags.into(), old_path, new_directory, new_path).await?)
    }

    async fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        lookup_flags: Lookupflags,
        path: GuestPtr<str>,
        oflags: Oflags,
        rights: Rights,
        _: Rights,
        fdflags: Fdflags,
    ) -> Returned<Fd> {
        let directory = match descriptors(self)?.get(fd)? {
            Open::Directory(directory) => directory.resource(),
            Open::File(_) => return Err(Errno::Notdir.into()),
            _ => return Err(Errno::Badf.into()),
        };
        let path = text(memory, path)?;
        if !self.held.has_room_for_file() {
            return Err(Errno::Mfile.into());
        }
        let flags = stat::open_flags(rights, fdflags);
        let opened = files::open_at(self, directory, lookup_flags.into(), path, oflags.into(), flags).await?;
        let open = entry(self, &opened, fdflags)?;
        Ok(descriptors(self)?.add(open))
    }

    async fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
        buf: GuestPtr<u8>,
        buf_len: Size,
    ) -> Returned<Size> {
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        let target = self.filesystem().readlink_at(directory, path).await?;
        let length = Size::try_from(target.len())?.min(buf_len);
        memory.copy_from_slice(&target.as_bytes()[..length as usize], buf.as_array(length))?;
        Ok(length)
    }

    async fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Returned<()> {
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        Ok(files::remove_directory_at(self, directory, path).await?)
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old_fd: Fd,
        old_path: GuestPtr<str>,
        new_fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Returned<()> {
        let (old_directory, new_directory) =
            (descriptors(self)?.directory(old_fd)?, descriptors(self)?.directory(new_fd)?);
        let (old_path, new_path) = (text(memory, old_path)?, text(memory, new_path)?);
        Ok(files::rename_at(self, old_directory, old_path, new_directory, new_path).await?)
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        target: GuestPtr<str>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Returned<()> {
        let directory = descriptors(self)?.directory(fd)?;
        let (target, path) = (text(memory, target)?, text(memory, path)?);
        Ok(files::symlink_at(self, directory, target, path).await?)
    }

    async fn path_unlink_file(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, path: GuestPtr<str>) -> Returned<()> {
        let (directory, path) = (descriptors(self)?.directory(fd)?, text(memory, path)?);
        Ok(files::unlink_file_at(self, directory, path).await?)
    }

    async fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subscriptions: GuestPtr<Subscription>,
        events: GuestPtr<Event>,
        number: Size,
    ) -> Returned<Size> {
        poll::wait(self, memory, subscriptions.as_array(number), events).await
    }

    fn proc_exit(&mut self, _: &mut GuestMemory<'_>, status: Exitcode) -> wasmtime::Error {
        I32Exit(status.cast_signed()).into()
    }

    fn proc_raise(&mut self, _: &mut GuestMemory<'_>, _: Signal) -> Returned<()> {
        Err(Errno::Notsup.into())
    }

    fn sched_yield(&mut self, _: &mut GuestMemory<'_>) -> Returned<()> {
        Ok(())
    }

    fn random_get(&mut self, memory: &mut GuestMemory<'_>, buf: GuestPtr<u8>, buf_len: Size) -> Returned<()> {
        let bytes = self.random().get_random_bytes(buf_len.into()).map_err(Error::trap)?;
        Ok(memory.copy_from_slice(&bytes, buf.as_array(buf_len))?)
    }

    // Guests have no sockets.
    fn sock_accept(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Fdflags) -> Returned<Fd> {
        Err(no_socket(self, fd))
    }

    fn sock_recv(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: IovecArray, _: Riflags) -> Returned<(Size, Roflags)> {
        Err(no_socket(self, fd))
    }

    fn sock_send(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: CiovecArray, _: Siflags) -> Returned<Size> {
        Err(no_socket(self, fd))
    }

    fn sock_shutdown(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Sdflags) -> Returned<()> {
        Err(no_socket(self, fd))
    }
}

//! WASI 0.1 for core modules, which are programs that know nothing of components: `wasi_snapshot_preview1`.
//!
//! The types and the way in are wasmtime-wasi's. Its functions are not: their descriptors are private, so that nothing could limit what
//! is written, listed or waited for through them. These here do what WASI 0.2's do for components, by the same code.
//!
//! Source: the WASI 0.1 interface in witx, "wasi_snapshot_preview1".

mod descriptors;
mod folders;
mod poll;
mod stat;
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

pub(in crate::engine) use self::descriptors::Descriptors;
use self::{descriptors::Open, transfer::Place};
use super::files;
use crate::engine::state::State;

/// # Errors
/// When wasmtime-wasi has something twice, which it has not.
pub(in crate::engine) fn link(linker: &mut Linker<State>) -> Result<()> {
    add_to_linker(linker, |state| state)
}

type Returned<T> = Result<T, Error>;

impl WasiSnapshotPreview1 for State {
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

    // Advice can start to write to the disk.
    async fn fd_advise(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        _: Filesize,
        _: Filesize,
        _: Advice,
    ) -> Returned<()> {
        Ok(Descriptors::of(self)?.file(fd).map(drop)?)
    }

    fn fd_allocate(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Filesize, _: Filesize) -> Returned<()> {
        Descriptors::of(self)?.file(fd)?;
        Err(Errno::Notsup.into())
    }

    async fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        let closed = Descriptors::of(self)?.remove(fd)?;
        closed.close(self).await
    }

    // What is in `/tmp` does not outlive the environment, and writing it to the disk can take longer than there is.
    async fn fd_datasync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        Ok(Descriptors::of(self)?.file(fd).map(drop)?)
    }

    async fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<()> {
        Ok(Descriptors::of(self)?.file(fd).map(drop)?)
    }

    async fn fd_fdstat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Fdstat> {
        stat::descriptor(self, fd).await
    }

    fn fd_fdstat_set_flags(&mut self, _: &mut GuestMemory<'_>, fd: Fd, flags: Fdflags) -> Returned<()> {
        let file = Descriptors::of(self)?.file_mut(fd)?;
        if flags.intersects(Fdflags::DSYNC | Fdflags::SYNC | Fdflags::RSYNC) {
            return Err(Errno::Inval.into());
        }
        file.appends = flags.contains(Fdflags::APPEND);
        file.is_nonblocking = flags.contains(Fdflags::NONBLOCK);
        Ok(())
    }

    fn fd_fdstat_set_rights(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Rights, _: Rights) -> Returned<()> {
        Descriptors::of(self)?.resource(fd)?;
        Err(Errno::Notsup.into())
    }

    async fn fd_filestat_get(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Filestat> {
        stat::file(self, fd).await
    }

    async fn fd_filestat_set_size(&mut self, _: &mut GuestMemory<'_>, fd: Fd, size: Filesize) -> Returned<()> {
        let file = Descriptors::of(self)?.file(fd)?.resource();
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
        let resource = Descriptors::of(self)?.resource(fd)?;
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
        match Descriptors::of(self)?.get(fd)?.preopened_as() {
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
        let name = Descriptors::of(self)?.get(fd)?.preopened_as().ok_or(Errno::Notdir)?;
        let length = Size::try_from(name.len())?;
        if length > path_max_len {
            return Err(Errno::Nametoolong.into());
        }
        Ok(memory.copy_from_slice(name.as_bytes(), path.as_array(length))?)
    }

    async fn fd_renumber(&mut self, _: &mut GuestMemory<'_>, from: Fd, to: Fd) -> Returned<()> {
        let replaced = Descriptors::of(self)?.renumber(from, to)?;
        match replaced {
            Some(replaced) => replaced.close(self).await,
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
        let file = Descriptors::of(self)?.seekable(fd)?;
        let begin = match whence {
            Whence::Set => 0,
            Whence::Cur => file.position,
            Whence::End => {
                let resource = file.resource();
                self.filesystem().stat(resource).await?.size
            }
        };
        let position = begin.checked_add_signed(offset).ok_or(Errno::Inval)?;
        Descriptors::of(self)?.seekable(fd)?.position = position;
        Ok(position)
    }

    fn fd_tell(&mut self, _: &mut GuestMemory<'_>, fd: Fd) -> Returned<Filesize> {
        Ok(Descriptors::of(self)?.seekable(fd)?.position)
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        buf_len: Size,
        cookie: Dircookie,
    ) -> Returned<Size> {
        folders::list(self, memory, fd, buf.as_array(buf_len), cookie).await
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Returned<()> {
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        Ok(files::create_directory_at(self, folder, path).await?)
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> Returned<Filestat> {
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        stat::file_at(self, folder, flags.into(), path).await
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
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        Ok(self.filesystem().set_times_at(folder, flags.into(), path, accessed, modified).await?)
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
        let (old_folder, new_folder) = (Descriptors::of(self)?.folder(old_fd)?, Descriptors::of(self)?.folder(new_fd)?);
        let (old_path, new_path) = (text(memory, old_path)?, text(memory, new_path)?);
        Ok(files::link_at(self, old_folder, old_flags.into(), old_path, new_folder, new_path).await?)
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
        let folder = match Descriptors::of(self)?.get(fd)? {
            Open::Folder(folder) => folder.resource(),
            Open::File(_) => return Err(Errno::Notdir.into()),
            _ => return Err(Errno::Badf.into()),
        };
        let path = text(memory, path)?;
        if !self.held.has_room_for_file() {
            return Err(Errno::Mfile.into());
        }
        let flags = stat::open_flags(rights, fdflags);
        let opened = files::open_at(self, folder, lookup_flags.into(), path, oflags.into(), flags).await?;
        let open = Open::new(self, &opened, fdflags)?;
        Ok(Descriptors::of(self)?.add(open))
    }

    async fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
        buf: GuestPtr<u8>,
        buf_len: Size,
    ) -> Returned<Size> {
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        let target = self.filesystem().readlink_at(folder, path).await?;
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
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        Ok(files::remove_directory_at(self, folder, path).await?)
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old_fd: Fd,
        old_path: GuestPtr<str>,
        new_fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Returned<()> {
        let (old_folder, new_folder) = (Descriptors::of(self)?.folder(old_fd)?, Descriptors::of(self)?.folder(new_fd)?);
        let (old_path, new_path) = (text(memory, old_path)?, text(memory, new_path)?);
        Ok(files::rename_at(self, old_folder, old_path, new_folder, new_path).await?)
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        target: GuestPtr<str>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Returned<()> {
        let folder = Descriptors::of(self)?.folder(fd)?;
        let (target, path) = (text(memory, target)?, text(memory, path)?);
        Ok(files::symlink_at(self, folder, target, path).await?)
    }

    async fn path_unlink_file(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, path: GuestPtr<str>) -> Returned<()> {
        let (folder, path) = (Descriptors::of(self)?.folder(fd)?, text(memory, path)?);
        Ok(files::unlink_file_at(self, folder, path).await?)
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

    // There are no sockets.
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

fn no_socket(state: &mut State, fd: Fd) -> Error {
    match Descriptors::of(state).and_then(|descriptors| Ok(descriptors.get(fd).map(drop)?)) {
        Ok(()) => Errno::Notsock.into(),
        Err(error) => error,
    }
}

/// A path, or what else a guest gives as text.
fn text(memory: &GuestMemory<'_>, text: GuestPtr<str>) -> Returned<String> {
    if text.len() as usize > files::PATH_LIMIT_BYTES {
        return Err(Errno::Nametoolong.into());
    }
    Ok(memory.as_cow_str(text)?.into_owned())
}

fn variables(state: &mut State) -> Returned<Vec<String>> {
    let variables = state.cli().get_environment().map_err(Error::trap)?;
    Ok(variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// How many texts there are, and how many bytes they take, each with its closing zero.
fn sizes(texts: &[String]) -> Returned<(Size, Size)> {
    let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    Ok((texts.len().try_into()?, bytes.try_into()?))
}

/// Writes each text with a closing zero, one after the other, and where each begins into the table.
fn write_texts(
    memory: &mut GuestMemory<'_>,
    mut table: GuestPtr<GuestPtr<u8>>,
    mut at: GuestPtr<u8>,
    texts: Vec<String>,
) -> Returned<()> {
    for text in texts {
        memory.write(table, at)?;
        table = table.add(1)?;
        let mut bytes = text.into_bytes();
        bytes.push(0);
        let length = Size::try_from(bytes.len())?;
        memory.copy_from_slice(&bytes, at.as_array(length))?;
        at = at.add(length)?;
    }
    Ok(())
}

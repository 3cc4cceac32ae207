//! The descriptors of a program: numbers for what it has open.

use std::collections::{BTreeMap, BTreeSet};

use wasmtime::component::Resource;
use wasmtime_wasi::{
    cli::WasiCliView as _,
    filesystem::{Descriptor, WasiFilesystemView as _},
    p1::types::{Errno, Error, Fd, Fdflags},
    p2::{
        DynInputStream, DynOutputStream,
        bindings::{
            cli::{stderr::Host as _, stdin::Host as _, stdout::Host as _},
            filesystem::preopens::Host as _,
            io::streams::{HostInputStream, HostOutputStream},
        },
    },
};

use super::{super::files, folders::Listing};
use crate::engine::state::State;

/// What a program has open, by its numbers: 0 to 2 are standard input, output and error, and 3 is `/tmp` where it has that. Others may
/// take their places.
#[derive(Debug)]
pub(in crate::engine) struct Descriptors {
    open: BTreeMap<u32, Open>,
    /// Numbers below the highest that are free again.
    free: BTreeSet<u32>,
}

/// What one descriptor stands for. The numbers are those in the table of resources.
#[derive(Debug)]
pub(super) enum Open {
    Input(u32),
    Output(u32),
    Folder(Folder),
    File(File),
}

#[derive(Debug)]
pub(super) struct Folder {
    rep: u32,
    preopened_as: Option<String>,
    pub(super) listing: Option<Listing>,
}

#[derive(Debug)]
pub(super) struct File {
    rep: u32,
    /// Where the next read or write begins, in bytes from the beginning.
    pub(super) position: u64,
    /// Writes go to the end.
    pub(super) appends: bool,
    /// It is remembered, and changes nothing: files never keep anybody waiting.
    pub(super) is_nonblocking: bool,
}

impl Descriptors {
    /// Those of the program, which has them from its first call on.
    pub(super) fn of(state: &mut State) -> Result<&mut Self, Error> {
        if state.descriptors.is_none() {
            state.descriptors = Some(Self::new(state).map_err(Error::trap)?);
        }
        state.descriptors.as_mut().ok_or_else(|| Errno::Badf.into())
    }

    fn new(state: &mut State) -> wasmtime::Result<Self> {
        let mut descriptors = Self { open: BTreeMap::new(), free: BTreeSet::new() };
        descriptors.add(Open::Input(state.cli().get_stdin()?.rep()));
        descriptors.add(Open::Output(state.cli().get_stdout()?.rep()));
        descriptors.add(Open::Output(state.cli().get_stderr()?.rep()));
        for (folder, name) in state.filesystem().get_directories()? {
            descriptors.add(Open::Folder(Folder { rep: folder.rep(), preopened_as: Some(name), listing: None }));
        }
        Ok(descriptors)
    }

    /// Gives it the lowest number that is free.
    pub(super) fn add(&mut self, open: Open) -> Fd {
        let fd = self.free.pop_first().unwrap_or_else(|| self.open.last_key_value().map_or(0, |(last, _)| last + 1));
        self.open.insert(fd, open);
        fd.into()
    }

    pub(super) fn remove(&mut self, fd: Fd) -> Result<Open, Errno> {
        let removed = self.open.remove(&fd.into()).ok_or(Errno::Badf)?;
        self.free.insert(fd.into());
        Ok(removed)
    }

    /// Gives what is open another number. What had that is returned, to be closed.
    pub(super) fn renumber(&mut self, from: Fd, to: Fd) -> Result<Option<Open>, Errno> {
        self.get(from)?;
        self.get(to)?;
        if u32::from(from) == u32::from(to) {
            return Ok(None);
        }
        let moved = self.remove(from)?;
        Ok(self.open.insert(to.into(), moved))
    }

    pub(super) fn get(&self, fd: Fd) -> Result<&Open, Errno> {
        self.open.get(&fd.into()).ok_or(Errno::Badf)
    }

    pub(super) fn get_mut(&mut self, fd: Fd) -> Result<&mut Open, Errno> {
        self.open.get_mut(&fd.into()).ok_or(Errno::Badf)
    }

    pub(super) fn file(&self, fd: Fd) -> Result<&File, Errno> {
        match self.get(fd)? {
            Open::File(file) => Ok(file),
            _ => Err(Errno::Badf),
        }
    }

    pub(super) fn file_mut(&mut self, fd: Fd) -> Result<&mut File, Errno> {
        match self.get_mut(fd)? {
            Open::File(file) => Ok(file),
            _ => Err(Errno::Badf),
        }
    }

    /// A file, which has a position. Streams have none.
    pub(super) fn seekable(&mut self, fd: Fd) -> Result<&mut File, Errno> {
        match self.get_mut(fd)? {
            Open::File(file) => Ok(file),
            Open::Input(_) | Open::Output(_) => Err(Errno::Spipe),
            Open::Folder(_) => Err(Errno::Badf),
        }
    }

    pub(super) fn folder(&self, fd: Fd) -> Result<Resource<Descriptor>, Errno> {
        match self.get(fd)? {
            Open::Folder(folder) => Ok(folder.resource()),
            _ => Err(Errno::Badf),
        }
    }

    /// A file or folder.
    pub(super) fn resource(&self, fd: Fd) -> Result<Resource<Descriptor>, Errno> {
        match self.get(fd)? {
            Open::File(file) => Ok(file.resource()),
            Open::Folder(folder) => Ok(folder.resource()),
            Open::Input(_) | Open::Output(_) => Err(Errno::Badf),
        }
    }
}

impl Open {
    /// A file or folder that was opened a moment ago.
    pub(super) fn new(state: &mut State, opened: &Resource<Descriptor>, flags: Fdflags) -> Result<Self, Error> {
        let rep = opened.rep();
        Ok(match state.table().get(opened)? {
            Descriptor::Dir(_) => Self::Folder(Folder { rep, preopened_as: None, listing: None }),
            Descriptor::File(_) => Self::File(File {
                rep,
                position: 0,
                appends: flags.contains(Fdflags::APPEND),
                is_nonblocking: flags.contains(Fdflags::NONBLOCK),
            }),
        })
    }

    pub(super) fn preopened_as(&self) -> Option<&str> {
        match self {
            Self::Folder(folder) => folder.preopened_as.as_deref(),
            _ => None,
        }
    }

    pub(super) async fn close(self, state: &mut State) -> Result<(), Error> {
        let closed = match self {
            Self::Input(rep) => HostInputStream::drop(state.table(), Resource::<DynInputStream>::new_own(rep)).await,
            Self::Output(rep) => HostOutputStream::drop(state.table(), Resource::<DynOutputStream>::new_own(rep)).await,
            Self::Folder(Folder { rep, .. }) | Self::File(File { rep, .. }) => {
                files::close(state, Resource::new_own(rep))
            }
        };
        closed.map_err(Error::trap)
    }
}

impl Folder {
    pub(super) fn resource(&self) -> Resource<Descriptor> {
        Resource::new_borrow(self.rep)
    }
}

impl File {
    pub(super) fn resource(&self) -> Resource<Descriptor> {
        Resource::new_borrow(self.rep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(descriptors: &Descriptors) -> Vec<u32> {
        descriptors.open.keys().copied().collect()
    }

    #[test]
    fn the_lowest_free_number_is_given_and_a_renumbered_one_is_free_again() {
        let mut descriptors = Descriptors { open: BTreeMap::new(), free: BTreeSet::new() };
        for rep in 10..15 {
            descriptors.add(Open::Input(rep));
        }
        descriptors.remove(3.into()).unwrap();
        descriptors.remove(1.into()).unwrap();
        assert_eq!(numbers(&descriptors), [0, 2, 4]);
        assert_eq!(u32::from(descriptors.add(Open::Input(20))), 1);
        assert!(matches!(descriptors.renumber(4.into(), 0.into()), Ok(Some(Open::Input(10)))));
        assert!(matches!(descriptors.renumber(0.into(), 0.into()), Ok(None)));
        assert_eq!(numbers(&descriptors), [0, 1, 2]);
        for (from, to) in [(0, 7), (7, 0)] {
            assert_eq!(descriptors.renumber(from.into(), to.into()).err(), Some(Errno::Badf));
        }
        assert_eq!([(); 3].map(|()| u32::from(descriptors.add(Open::Input(30)))), [3, 4, 5]);
    }
}

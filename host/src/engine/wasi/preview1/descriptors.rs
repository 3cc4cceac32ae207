//! This module has the table of a core module's file descriptors.

use std::collections::{BTreeMap, BTreeSet};

use wasmtime::component::Resource;
use wasmtime_wasi::{
    filesystem::Descriptor,
    p1::types::{Errno, Fd, Fdflags},
};

use super::listing::Listing;

/// `Descriptors` maps descriptor numbers to what a core module has open. At first, 0 to 2 are standard input, output
/// and error, and 3 is `/tmp` if the guest has it. A guest can close these and reuse their numbers.
#[derive(Debug, Default)]
pub(in crate::engine) struct Descriptors {
    open: BTreeMap<u32, Open>,
    /// Numbers that were closed and not used again since.
    free: BTreeSet<u32>,
}

/// An `Open` is what one descriptor refers to. `rep` and the numbers here are indexes in the resource table.
#[derive(Debug)]
pub(super) enum Open {
    Input(u32),
    Output(u32),
    Directory(Directory),
    File(File),
}

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) rep: u32,
    /// The name under which it was preopened, if it was.
    pub(super) preopened_as: Option<String>,
    pub(super) listing: Option<Listing>,
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) rep: u32,
    /// Where the next read or write begins, in bytes from the start of the file.
    pub(super) position: u64,
    /// Whether writes go to the end of the file.
    pub(super) appends: bool,
    /// The `NONBLOCK` flag as the guest set it. It has no effect, because files never block.
    pub(super) is_nonblocking: bool,
}

impl Descriptors {
    /// Adds an entry under the lowest free number.
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

    /// Moves an entry to another number. Returns the entry that had this number, so that the caller can close it.
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

    /// Returns a file, which has a position. Streams fail with `ESPIPE`.
    pub(super) fn seekable(&mut self, fd: Fd) -> Result<&mut File, Errno> {
        match self.get_mut(fd)? {
            Open::File(file) => Ok(file),
            Open::Input(_) | Open::Output(_) => Err(Errno::Spipe),
            Open::Directory(_) => Err(Errno::Badf),
        }
    }

    pub(super) fn directory(&self, fd: Fd) -> Result<Resource<Descriptor>, Errno> {
        match self.get(fd)? {
            Open::Directory(directory) => Ok(directory.resource()),
            _ => Err(Errno::Badf),
        }
    }

    /// Returns a file or directory.
    pub(super) fn resource(&self, fd: Fd) -> Result<Resource<Descriptor>, Errno> {
        match self.get(fd)? {
            Open::File(file) => Ok(file.resource()),
            Open::Directory(directory) => Ok(directory.resource()),
            Open::Input(_) | Open::Output(_) => Err(Errno::Badf),
        }
    }
}

impl Open {
    /// Returns the name under which the directory was preopened, if it was.
    pub(super) fn preopened_as(&self) -> Option<&str> {
        match self {
            Self::Directory(directory) => directory.preopened_as.as_deref(),
            _ => None,
        }
    }
}

impl Directory {
    /// Returns the entry of a directory that was not listed yet.
    pub(super) fn new(rep: u32, preopened_as: Option<String>) -> Self {
        Self { rep, preopened_as, listing: None }
    }

    pub(super) fn resource(&self) -> Resource<Descriptor> {
        Resource::new_borrow(self.rep)
    }
}

impl File {
    /// Returns the entry of a file that was opened with these flags.
    pub(super) fn new(rep: u32, flags: Fdflags) -> Self {
        Self {
            rep,
            position: 0,
            appends: flags.contains(Fdflags::APPEND),
            is_nonblocking: flags.contains(Fdflags::NONBLOCK),
        }
    }

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
        let mut descriptors = Descriptors::default();
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

//! This module opens and closes what descriptors refer to.

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

use super::{
    super::files,
    descriptors::{Descriptors, Directory, File, Open},
};
use crate::engine::store_state::StoreState;

/// Returns the descriptors of a core module. The first call creates the table.
pub(super) fn descriptors(state: &mut StoreState) -> Result<&mut Descriptors, Error> {
    if state.descriptors.is_none() {
        state.descriptors = Some(first_descriptors(state).map_err(Error::trap)?);
    }
    state.descriptors.as_mut().ok_or_else(|| Errno::Badf.into())
}

fn first_descriptors(state: &mut StoreState) -> wasmtime::Result<Descriptors> {
    let mut descriptors = Descriptors::default();
    descriptors.add(Open::Input(state.cli().get_stdin()?.rep()));
    descriptors.add(Open::Output(state.cli().get_stdout()?.rep()));
    descriptors.add(Open::Output(state.cli().get_stderr()?.rep()));
    for (directory, name) in state.filesystem().get_directories()? {
        descriptors.add(Open::Directory(Directory::new(directory.rep(), Some(name))));
    }
    Ok(descriptors)
}

/// Returns the entry for a file or directory that was just opened.
pub(super) fn entry(state: &mut StoreState, opened: &Resource<Descriptor>, flags: Fdflags) -> Result<Open, Error> {
    Ok(match state.table().get(opened)? {
        Descriptor::Dir(_) => Open::Directory(Directory::new(opened.rep(), None)),
        Descriptor::File(_) => Open::File(File::new(opened.rep(), flags)),
    })
}

/// Drops the resource that a descriptor referred to.
pub(super) async fn close(open: Open, state: &mut StoreState) -> Result<(), Error> {
    let closed = match open {
        Open::Input(rep) => HostInputStream::drop(state.table(), Resource::<DynInputStream>::new_own(rep)).await,
        Open::Output(rep) => HostOutputStream::drop(state.table(), Resource::<DynOutputStream>::new_own(rep)).await,
        Open::Directory(Directory { rep, .. }) | Open::File(File { rep, .. }) => {
            files::close(state, Resource::new_own(rep))
        }
    };
    closed.map_err(Error::trap)
}

/// Returns `ENOTSOCK` for an open descriptor, and `EBADF` for any other.
pub(super) fn no_socket(state: &mut StoreState, fd: Fd) -> Error {
    match descriptors(state).and_then(|descriptors| Ok(descriptors.get(fd).map(drop)?)) {
        Ok(()) => Errno::Notsock.into(),
        Err(error) => error,
    }
}

//! This module implements `fd_readdir`.

use tokio::task::yield_now;
use wasmtime::component::Resource;
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemView as _},
    p1::types::{Dircookie, Dirent, Errno, Error, Fd, Filetype, Size},
    p2::bindings::filesystem::types::{HostDescriptor as _, PathFlags},
};
use wiggle::{GuestMemory, GuestPtr};

use super::{
    super::files,
    descriptors::Open,
    listing::{Entry, Listing},
    open::descriptors,
};
use crate::engine::store_state::StoreState;

/// Writes the entries from `cookie` on, as many as the buffer holds. If the buffer is full, the last entry may be
/// truncated: that is how a guest knows that there are more.
pub(super) async fn list(
    state: &mut StoreState,
    memory: &mut GuestMemory<'_>,
    fd: Fd,
    buffer: GuestPtr<[u8]>,
    cookie: Dircookie,
) -> Result<Size, Error> {
    let directory = descriptors(state)?.directory(fd)?;
    let kept = match descriptors(state)?.get_mut(fd)? {
        Open::Directory(directory) => directory.listing.take().filter(|_| cookie > 0),
        _ => None,
    };
    let listing = match kept {
        Some(listing) => listing,
        None => Listing::of(state, &directory).await?,
    };
    let written = listing.write(state, memory, &directory, buffer, cookie).await;
    if let Open::Directory(directory) = descriptors(state)?.get_mut(fd)? {
        directory.listing = Some(listing);
    }
    written
}

impl Listing {
    /// Lists a directory. The memory counts towards the instance's quota until the directory is closed or listed again.
    async fn of(state: &mut StoreState, directory: &Resource<Descriptor>) -> Result<Self, Error> {
        state.held.opened_listing(directory.rep(), 0);
        let (found, bytes) = files::entries(state, directory).await?;
        state.held.opened_listing(directory.rep(), bytes);
        let own = [".", ".."].map(|name| Entry { name: name.to_owned(), filetype: Filetype::Directory });
        let mut entries = Vec::from(own);
        for entry in found {
            entries.push(Entry { name: entry.name, filetype: entry.type_.try_into().map_err(Error::trap)? });
        }
        Ok(Self(entries))
    }

    /// Writes the entries from `cookie` on, and returns how many bytes were written.
    async fn write(
        &self,
        state: &mut StoreState,
        memory: &mut GuestMemory<'_>,
        directory: &Resource<Descriptor>,
        buffer: GuestPtr<[u8]>,
        cookie: Dircookie,
    ) -> Result<Size, Error> {
        let (begin, length) = buffer.offset();
        let mut written: Size = 0;
        let first = usize::try_from(cookie).unwrap_or(usize::MAX);
        for (number, Entry { name, filetype }) in self.0.iter().enumerate().skip(first) {
            if number % ENTRIES_WITHOUT_A_PAUSE == ENTRIES_WITHOUT_A_PAUSE - 1 {
                yield_now().await;
            }
            let head = Dirent {
                d_next: number as u64 + 1,
                d_ino: inode(state, directory, name).await?,
                d_namlen: name.len().try_into()?,
                d_type: *filetype,
            };
            let mut bytes = [0; HEAD_BYTES].to_vec();
            bytes[..8].copy_from_slice(&head.d_next.to_le_bytes());
            bytes[8..16].copy_from_slice(&head.d_ino.to_le_bytes());
            bytes[16..20].copy_from_slice(&head.d_namlen.to_le_bytes());
            bytes[20] = head.d_type as u8;
            bytes.extend_from_slice(name.as_bytes());
            let fits = (length - written).min(bytes.len().try_into()?);
            let at = GuestPtr::new((begin.checked_add(written).ok_or(Errno::Overflow)?, fits));
            memory.copy_from_slice(&bytes[..fits as usize], at)?;
            written += fits;
            if written == length {
                break;
            }
        }
        Ok(written)
    }
}

/// The number of entries that are written without a pause. Each takes a system call for its inode.
const ENTRIES_WITHOUT_A_PAUSE: usize = 64;

/// The size of an entry without its name, in bytes.
const HEAD_BYTES: usize = 24;

/// Returns the entry's inode number, or 0 if it does not exist any more.
async fn inode(state: &mut StoreState, directory: &Resource<Descriptor>, name: &str) -> Result<u64, Error> {
    let directory = Resource::new_borrow(directory.rep());
    // `..` gets the number of the directory itself, so that its parent stays unknown.
    let found = match name {
        "." | ".." => state.filesystem().metadata_hash(directory).await,
        name => state.filesystem().metadata_hash_at(directory, PathFlags::empty(), name.to_owned()).await,
    };
    match found {
        Ok(hash) => Ok(hash.lower),
        Err(error) => error.downcast().map(|_| 0).map_err(Error::trap),
    }
}

//! `fd_readdir`: what is in a folder.

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
    descriptors::{Descriptors, Open},
};
use crate::engine::state::State;

/// What is in a folder, as it was when a program began to list it: however long that takes, each entry keeps its place.
#[derive(Debug)]
pub(super) struct Listing(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    name: String,
    filetype: Filetype,
}

/// Writes entries from `cookie` on, as many as there is room for. The last may be cut off, which tells that there are more.
pub(super) async fn list(
    state: &mut State,
    memory: &mut GuestMemory<'_>,
    fd: Fd,
    buffer: GuestPtr<[u8]>,
    cookie: Dircookie,
) -> Result<Size, Error> {
    let folder = Descriptors::of(state)?.folder(fd)?;
    let kept = match Descriptors::of(state)?.get_mut(fd)? {
        Open::Folder(folder) => folder.listing.take().filter(|_| cookie > 0),
        _ => None,
    };
    let listing = match kept {
        Some(listing) => listing,
        None => Listing::of(state, &folder).await?,
    };
    let written = listing.write(state, memory, &folder, buffer, cookie).await;
    if let Open::Folder(folder) = Descriptors::of(state)?.get_mut(fd)? {
        folder.listing = Some(listing);
    }
    written
}

impl Listing {
    /// What it takes counts as the folder's, until that is closed or listed anew.
    async fn of(state: &mut State, folder: &Resource<Descriptor>) -> Result<Self, Error> {
        state.held.opened_listing(folder.rep(), 0);
        let (found, bytes) = files::entries(state, folder).await?;
        state.held.opened_listing(folder.rep(), bytes);
        let own = [".", ".."].map(|name| Entry { name: name.to_owned(), filetype: Filetype::Directory });
        let mut entries = Vec::from(own);
        for entry in found {
            entries.push(Entry { name: entry.name, filetype: entry.type_.try_into().map_err(Error::trap)? });
        }
        Ok(Self(entries))
    }

    async fn write(
        &self,
        state: &mut State,
        memory: &mut GuestMemory<'_>,
        folder: &Resource<Descriptor>,
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
                d_ino: inode(state, folder, name).await?,
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

/// Each is looked at for its number.
const ENTRIES_WITHOUT_A_PAUSE: usize = 64;

/// The size of an entry without its name, in bytes.
const HEAD_BYTES: usize = 24;

/// 0 for what is not there any more.
async fn inode(state: &mut State, folder: &Resource<Descriptor>, name: &str) -> Result<u64, Error> {
    let folder = Resource::new_borrow(folder.rep());
    // What is above is nobody's business: it is told as the folder itself.
    let found = match name {
        "." | ".." => state.filesystem().metadata_hash(folder).await,
        name => state.filesystem().metadata_hash_at(folder, PathFlags::empty(), name.to_owned()).await,
    };
    match found {
        Ok(hash) => Ok(hash.lower),
        Err(error) => error.downcast().map(|_| 0).map_err(Error::trap),
    }
}

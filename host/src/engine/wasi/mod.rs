//! This module provides WASI to guests. It links wasmtime-wasi's implementation, and shadows the functions whose cost
//! in the host's memory, time or disk a guest could otherwise choose freely.
//!
//! * `filesystem`, `streams` and `poll` (below) shadow functions of WASI 0.2, for components.
//! * `preview1` implements all of WASI 0.1, for core modules.
//! * `files` has what both have in common; `host_quota` counts what the host holds for an instance.
//!
//! # Checklist for updates of wasmtime
//!
//! 1. **Version.** [`VERSION`] must be that of the `wasi:*` packages in wasmtime-wasi's `src/p2/wit/deps/`. The test
//!    below fails if it is not, or if wasmtime-wasi no longer has a function that is shadowed here.
//! 2. **New functions.** A function that is new in `wasi:filesystem/types`, `wasi:io/streams` or `wasi:io/poll` is
//!    linked without a limit. Shadow it if it creates names, writes files, allocates by the guest's choice or runs for
//!    long. A test in `imports.rs` compares the list of interfaces.
//! 3. **Shadowed functions.** The test below has their names. Compare permission checks and error codes:
//!    * the functions of `descriptor` and `directory-entry-stream` with `src/p2/host/filesystem.rs`;
//!    * `FileReader` and `FileWriter` with `FileInputStream` and `FileOutputStream` in `src/p2/filesystem.rs`;
//!    * `output-stream.write`, the streams' destructors and `poll` with `src/impls.rs` of wasmtime-wasi-io.
//! 4. **Functions that are not shadowed because wasmtime-wasi limits them.** Check that it still does:
//!    * `descriptor.read` returns at most 64 KiB (`MAX_READ_SIZE_ALLOC`);
//!    * `blocking-write-and-flush` and `blocking-write-zeroes-and-flush` accept at most 4,096 bytes;
//!    * `write-zeroes` and the `splice` functions write no more than `check-write` permits;
//!    * the random functions return at most `max_random_size` bytes, which `store_state.rs` sets.
//! 5. **WASI 0.1.** Compare `preview1` with `impl WasiSnapshotPreview1 for WasiP1Ctx` in `src/p1.rs`. A function that
//!    is new in the trait fails to compile here. The intended differences are below.
//! 6. **Tests.** `limits.rs`, `tmp.rs` and `programs.rs` in `tests/it` exercise the limits.
//!
//! # How WASI 0.1 differs from wasmtime-wasi's
//!
//! Results and error codes are meant to be the same, with these exceptions:
//!
//! * Reads and writes of files transfer all buffers of a call, not only the first. They pause between pieces.
//! * `fd_readdir` lists a directory once and keeps the listing; wasmtime-wasi lists it anew for each call. Names that
//!   are not UTF-8 are left out. An entry that was removed in the meantime has the inode 0.
//! * `poll_oneoff` waits without blocking the thread, and takes at most [`POLL_LIMIT`]
//!   subscriptions.
//! * `fd_advise`, `fd_datasync` and `fd_sync` check the descriptor and do nothing else.
//! * `path_open` opens only files and directories, and fails with `EMFILE` if the guest has too many open.
//! * Paths are at most 4,096 bytes long, and a call has at most 1,024 buffers. wasmtime-wasi has one limit for all that
//!   a call copies.
//! * A new descriptor gets the lowest free number.
//! * `proc_exit` accepts every status; wasmtime-wasi traps from 126 on.

mod files;
mod filesystem;
pub(super) mod host_quota;
#[cfg(feature = "network")]
pub(super) mod http;
#[cfg(feature = "network")]
mod http_hooks;
#[cfg(feature = "network")]
mod http_streaming;
#[cfg(feature = "network")]
mod known_addresses;
pub(super) mod limits;
#[cfg(feature = "network")]
pub(super) mod network_state;
pub(super) mod preview1;
#[cfg(feature = "network")]
mod sockets;
mod streams;
#[cfg(feature = "network")]
pub(super) mod tls;
#[cfg(feature = "network")]
mod tls_provider;

use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, Pollable};

use self::limits::POLL_LIMIT;
pub(super) use self::preview1::link as link_preview1;
use super::store_state::StoreState;

/// The version under which wasmtime-wasi links WASI. A guest that imports any other 0.2 release gets this one.
const VERSION: &str = "0.2.12";

/// Links WASI 0.2, with the limits of this module.
///
/// # Errors
/// If wasmtime-wasi defines an item twice, which it does not.
pub(super) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    filesystem::limit(&mut linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?)?;
    streams::limit(&mut linker.instance(&format!("wasi:io/streams@{VERSION}"))?)?;
    linker
        .instance(&format!("wasi:io/poll@{VERSION}"))?
        .func_wrap_async("poll", |store: StoreContextMut<'_, StoreState>, (pollables,)| {
            Box::new(poll(store, pollables))
        })?;
    #[cfg(feature = "network")]
    sockets::limit(linker, VERSION)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Waits until one of the pollables is ready. Fails with a trap if there are too many of them.
async fn poll(mut store: StoreContextMut<'_, StoreState>, pollables: Vec<Resource<Pollable>>) -> Result<(Vec<u32>,)> {
    if pollables.len() > POLL_LIMIT {
        bail!("a guest may wait for at most {POLL_LIMIT} things at once, not for {}", pollables.len());
    }
    Ok((store.data_mut().table().poll(pollables).await?,))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit under a name that wasmtime-wasi does not define would shadow nothing.
    #[test]
    fn each_limited_function_takes_the_place_of_one() {
        const LIMITED: &[(&str, &[&str])] = &[
            (
                "wasi:filesystem/types",
                &[
                    "[method]descriptor.open-at",
                    "[method]descriptor.create-directory-at",
                    "[method]descriptor.symlink-at",
                    "[method]descriptor.link-at",
                    "[method]descriptor.rename-at",
                    "[method]descriptor.unlink-file-at",
                    "[method]descriptor.remove-directory-at",
                    "[method]descriptor.set-size",
                    "[method]descriptor.advise",
                    "[method]descriptor.read-directory",
                    "[method]descriptor.write",
                    "[method]descriptor.sync",
                    "[method]descriptor.sync-data",
                    "[method]descriptor.read-via-stream",
                    "[method]descriptor.write-via-stream",
                    "[method]descriptor.append-via-stream",
                    "descriptor",
                    "directory-entry-stream",
                    "[method]directory-entry-stream.read-directory-entry",
                ],
            ),
            ("wasi:io/streams", &["[method]output-stream.write", "input-stream", "output-stream"]),
            ("wasi:io/poll", &["poll"]),
        ];
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<StoreState>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        for (interface, names) in LIMITED {
            for name in *names {
                let defined = linker
                    .instance(&format!("{interface}@{VERSION}"))
                    .and_then(|mut instance| instance.func_wrap(name, |_, (): ()| Ok(())));
                assert!(defined.is_err(), "{interface} has no `{name}`");
            }
        }
    }
}

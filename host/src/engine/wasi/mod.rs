//! WASI as guests get it: wasmtime-wasi's, with limits where it has none of its own.
//!
//! Each of the functions here takes the place of one whose cost, in the host's memory, its time or its disk, a guest could choose
//! freely.

mod files;
mod filesystem;
mod held;
mod preview1;
mod streams;

use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, Pollable};

pub(super) use self::{
    held::Held,
    preview1::{Descriptors, link as link_preview1},
};
use super::state::State;

/// How many random bytes a guest may ask for with one call: they are made in the host's memory.
pub(super) const RANDOM_LIMIT_BYTES: u64 = 1024 * 1024;

/// How many things a guest may wait for with one call. It can have fewer than this open; naming one twice helps nobody.
const POLL_LIMIT: usize = 4 * 1024;

/// The version under which wasmtime-wasi links WASI. Guests of any 0.2 find it.
const VERSION: &str = "0.2.12";

/// # Errors
/// When wasmtime-wasi has something twice, which it has not.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    filesystem::limit(&mut linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?)?;
    streams::limit(&mut linker.instance(&format!("wasi:io/streams@{VERSION}"))?)?;
    linker
        .instance(&format!("wasi:io/poll@{VERSION}"))?
        .func_wrap_async("poll", |store: StoreContextMut<'_, State>, (pollables,)| Box::new(poll(store, pollables)))?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn poll(mut store: StoreContextMut<'_, State>, pollables: Vec<Resource<Pollable>>) -> Result<(Vec<u32>,)> {
    if pollables.len() > POLL_LIMIT {
        bail!("a guest may wait for at most {POLL_LIMIT} things at once, not for {}", pollables.len());
    }
    Ok((store.data_mut().table().poll(pollables).await?,))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under a name that wasmtime-wasi does not have, a limit would be linked beside the function that it is for.
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
        let mut linker = Linker::<State>::new(&engine);
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

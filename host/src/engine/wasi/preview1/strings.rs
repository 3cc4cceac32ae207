//! This module copies strings from and to a core module's memory.

use wasmtime_wasi::{
    cli::WasiCliView as _,
    p1::types::{Errno, Error, Size},
    p2::bindings::cli::environment::Host as _,
};
use wiggle::{GuestMemory, GuestPtr};

use super::super::files;
use crate::engine::store_state::StoreState;

/// Is what a function of WASI 0.1 returns.
pub(super) type Returned<T> = Result<T, Error>;

/// Copies a string from the guest's memory. Most are paths, so the limit for paths applies.
pub(super) fn text(memory: &GuestMemory<'_>, text: GuestPtr<str>) -> Returned<String> {
    if text.len() as usize > files::PATH_LIMIT_BYTES {
        return Err(Errno::Nametoolong.into());
    }
    Ok(memory.as_cow_str(text)?.into_owned())
}

/// Returns the guest's environment variables in the form `NAME=value`.
pub(super) fn variables(state: &mut StoreState) -> Returned<Vec<String>> {
    let variables = state.cli().get_environment().map_err(Error::trap)?;
    Ok(variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// Returns the number of strings, and their size in bytes with a terminating zero each.
pub(super) fn sizes(texts: &[String]) -> Returned<(Size, Size)> {
    let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    Ok((texts.len().try_into()?, bytes.try_into()?))
}

/// Writes the strings one after the other, each with a terminating zero. Writes a pointer to each string into `table`.
pub(super) fn write_texts(
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

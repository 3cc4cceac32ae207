//! Defines what is kept of a directory while a guest lists it.

use wasmtime_wasi::p1::types::Filetype;

/// A `Listing` has the entries of a directory as they were when the guest began to list it. So each entry keeps its
/// position, however many calls the guest needs.
#[derive(Debug)]
pub(super) struct Listing(pub(super) Vec<Entry>);

/// An `Entry` is one entry of a listing.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) filetype: Filetype,
}

//! This module holds a guest's machine code, whether it was compiled ahead of time or at the start.
//!
//! See docs/decisions/28-one-path-for-code.md.

use std::{fs::File, sync::Arc};

use wasmtime::{Module, component::Component};

use crate::digest::Digest;

/// A guest's machine code, with what the host needs to know of its `.wasm` file besides. Cheap to clone.
#[derive(Clone)]
pub struct Code {
    pub(super) compiled: Compiled,
    /// The most that the host keeps for each instance besides its memories and tables, in bytes.
    pub(super) state_bytes: u64,
    /// The file that holds the code, if it has debug info.
    pub(super) debug_info: Option<Arc<File>>,
    pub(super) source: Digest,
    /// The size of code that was compiled at the start, in bytes; 0 if the code was mapped from a file that existed
    /// before. It takes memory even where nobody touches it, because no file on disk has it.
    pub(super) held_bytes: u64,
}

/// A compiled component or core module.
#[derive(Clone)]
pub(super) enum Compiled {
    Component(Component),
    /// A command for WASI 0.1.
    Module(Module),
}

impl Compiled {
    /// Returns the names of its exports.
    pub(super) fn exports(&self) -> Vec<String> {
        match self {
            Self::Component(component) => {
                let ty = component.component_type();
                ty.exports(component.engine()).map(|(name, _)| name.to_owned()).collect()
            }
            Self::Module(module) => module.exports().map(|export| export.name().to_owned()).collect(),
        }
    }
}

impl Code {
    /// Returns the size of code that was compiled at the start, in bytes. It takes memory even where nobody touches it.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Returns the digest of the `.wasm` file that the code was compiled from.
    pub fn source(&self) -> Digest {
        self.source
    }
}

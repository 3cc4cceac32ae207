//! This build script writes the contract's types, which the host adds to a guest that does not contain them. So the
//! host itself needs no parser for WIT.

fn main() {
    #[cfg(feature = "compiler")]
    types::write();
}

#[cfg(feature = "compiler")]
mod types {
    use std::{env, fs, path::Path};

    use wit_component::{StringEncoding, embed_component_metadata};
    use wit_parser::Resolve;

    /// Writes a custom section of a core module for each of the contract's worlds, in a file with the world's name.
    pub fn write() {
        const WIT: &str = "../wit/guesthouse.wit";
        println!("cargo::rerun-if-changed={WIT}");
        let text = fs::read_to_string(WIT).expect("the contract");
        let directory = env::var_os("OUT_DIR").expect("a directory from cargo");
        for name in ["function", "function-with-init"] {
            let mut resolve = Resolve::default();
            let package = resolve.push_source("guesthouse.wit", &text).expect("WIT");
            let world = resolve.select_world(&[package], Some(name)).expect("a world of the contract");
            let mut section = Vec::new();
            embed_component_metadata(&mut section, &resolve, world, StringEncoding::UTF8)
                .expect("types that can be written");
            fs::write(Path::new(&directory).join(name), section).expect("cargo's directory takes files");
        }
    }
}

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

    /// The contract, and the interfaces of WASI that a handler in a core module may import, each after those that it
    /// uses.
    const PACKAGES: &[&str] = &[
        "../wit/guesthouse.wit",
        "wit/io.wit",
        "wit/clocks.wit",
        "wit/sockets.wit",
        "wit/http.wit",
        "wit/handler.wit",
    ];

    /// Writes a custom section of a core module for each of the worlds, in a file with the world's name.
    pub fn write() {
        let directory = env::var_os("OUT_DIR").expect("a directory from cargo");
        let mut resolve = Resolve::default();
        let packages: Vec<_> = PACKAGES
            .iter()
            .map(|path| {
                println!("cargo::rerun-if-changed={path}");
                let text = fs::read_to_string(path).expect("WIT of this repository");
                resolve.push_source(path, &text).expect("WIT")
            })
            .collect();
        let [contract, .., handler] = packages.as_slice() else { panic!("there are packages") };
        for (package, world) in [
            (contract, "function"),
            (contract, "function-with-init"),
            (handler, "function-with-network"),
            (handler, "function-with-init-and-network"),
            (handler, "http"),
            (handler, "http-with-init"),
        ] {
            let id = resolve.select_world(&[*package], Some(world)).expect("a world of the package");
            let mut section = Vec::new();
            embed_component_metadata(&mut section, &resolve, id, StringEncoding::UTF8)
                .expect("types that can be written");
            fs::write(Path::new(&directory).join(world), section).expect("cargo's directory takes files");
        }
    }
}

//! `componentize bindings WIT WORLD FOLDER` writes C for a world; `componentize component CORE FILE` makes a component of a module that
//! was linked with it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::Files;
use wit_component::ComponentEncoder;
use wit_parser::Resolve;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bindings", wit, world, folder] => bindings(wit, world, folder.as_ref()),
        ["component", core, file] => component(core, file),
        _ => bail!("usage: componentize bindings WIT WORLD FOLDER | component CORE FILE"),
    }
}

fn bindings(wit: &str, world: &str, folder: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    fs::create_dir_all(folder)?;
    for (name, content) in files.iter() {
        fs::write(folder.join(name), content).with_context(|| format!("can't write {name}"))?;
    }
    Ok(())
}

fn component(core: &str, file: &str) -> Result<()> {
    let module = fs::read(core).with_context(|| format!("can't read {core}"))?;
    let component = ComponentEncoder::default()
        .module(&module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .validate(true)
        .encode()?;
    fs::write(file, component).with_context(|| format!("can't write {file}"))
}

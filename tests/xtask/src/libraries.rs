//! The command `libraries` writes `docs/libraries.md`: the libraries that tested functions use, from these functions'
//! own manifests and lock files, and those that the build is tested to refuse.

use std::{fmt::Write as _, fs};

use crate::{Result, root};

const PAGE: &str = "docs/libraries.md";

/// What tests functions with libraries, for the page.
const CORPUS: &str = "[`functions`](../tests/it/functions.rs)";
const NETWORK: &str = "[`network_languages`](../tests/it/network_languages.rs)";
const AWS: &str = "[`moved`](../tests/it/moved.rs)";

/// A library, its version, and the tests of the functions that use it.
type Library = (String, String, &'static str);

pub fn write() -> Result<()> {
    Ok(fs::write(root().join(PAGE), page()?)?)
}

fn page() -> Result<String> {
    let mut page = String::from(
        "# Libraries\n\n\
         <!-- Written by `cargo xtask libraries`, from what the tested functions ask for. -->\n\n\
         Which libraries work in a guest? These do, in these versions: tests compare what functions respond that use\n\
         them with the same functions on the language's own runtime, or with servers. Others of their kind mostly\n\
         work: the page of each language says what decides.\n",
    );
    let rust = "with the line of [`Cargo.toml`](rust.md#a-function-for-lambda_runtime) that `guesthouse build` names";
    for (language, file, libraries, change) in [
        ("JavaScript and TypeScript", "javascript.md", javascript()?, ""),
        ("Python", "python.md", python()?, ""),
        ("Go", "go.md", go()?, ""),
        ("Rust", "rust.md", rust_crates()?, rust),
    ] {
        write!(
            page,
            "\n## [{language}]({file})\n\n| library | version | in a guest | tests |\n| --- | --- | --- | --- |\n"
        )?;
        for (name, version, tests) in libraries {
            let is_replaced = ["lambda_runtime", "tokio", "aws-config", "aws-sdk-dynamodb"].contains(&&*name);
            let works = if is_replaced { format!("works, {change}") } else { "works".to_owned() };
            writeln!(page, "| {name} | {version} | {works} | {tests} |")?;
        }
    }
    page.push_str(
        "\n## What the build refuses\n\n\
         These packages of Python have native code that exists for Linux and not for WASI. `cargo xtask guests` checks\n\
         that the build names them.\n\n\
         | package | version | instead |\n| --- | --- | --- |\n",
    );
    for Refused { name, version, instead, .. } in refused()? {
        writeln!(page, "| {name} | {version} | {instead} |")?;
    }
    page.push_str("\n[python.md](python.md#packages) has more, by what they need.\n");
    Ok(page)
}

/// A package that the build refuses.
pub struct Refused {
    pub name: String,
    pub version: String,
    /// What a function imports of it.
    pub module: String,
    instead: String,
}

/// Returns the packages of `tests/functions/refused.txt`.
pub fn refused() -> Result<Vec<Refused>> {
    let text = text("tests/functions/refused.txt")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        let (package, module) = (parts.next()?, parts.next()?);
        let (name, version) = package.split_once("==")?;
        let (name, version) = (name.to_owned(), version.to_owned());
        Some(Refused { name, version, module, instead: parts.next()? })
    });
    parsed.collect::<Option<_>>().ok_or_else(|| "a line of refused.txt is not `PACKAGE==VERSION MODULE INSTEAD`".into())
}

fn text(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}").into())
}

fn sorted(mut libraries: Vec<Library>) -> Vec<Library> {
    libraries.sort_by_key(|(name, ..)| name.to_lowercase());
    // Of a library of two projects the first is enough.
    libraries.dedup_by(|later, earlier| later.0 == earlier.0);
    libraries
}

fn javascript() -> Result<Vec<Library>> {
    let mut found = Vec::new();
    for (project, section, tests) in [
        ("tests/functions/js", "\"dependencies\": {", CORPUS),
        ("guests/conformance/network/js", "\"devDependencies\": {", NETWORK),
    ] {
        let manifest = text(&format!("{project}/package.json"))?;
        let lock = text(&format!("{project}/package-lock.json"))?;
        let names = manifest.split(section).nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
        for name in names.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()) {
            let entry = lock.split(&format!("\"node_modules/{name}\": {{")).nth(1).unwrap_or_default();
            let version = entry.split("\"version\": \"").nth(1).and_then(|rest| rest.split('"').next());
            // The SDK itself is a directory.
            if name != "guesthouse" {
                let version = version.ok_or_else(|| format!("{project} does not lock {name}"))?;
                found.push((name.to_owned(), version.to_owned(), tests));
            }
        }
    }
    Ok(sorted(found))
}

fn python() -> Result<Vec<Library>> {
    let mut found = Vec::new();
    for (file, tests) in [
        ("tests/functions/python/requirements.txt", CORPUS),
        ("guests/conformance/network/python/requirements.txt", NETWORK),
    ] {
        let listed = text(file)?;
        let pinned = listed.lines().filter_map(|line| line.split_once("=="));
        found.extend(pinned.map(|(name, version)| (name.to_owned(), version.to_owned(), tests)));
    }
    Ok(sorted(found))
}

fn go() -> Result<Vec<Library>> {
    let mut found = Vec::new();
    for (file, tests) in [("tests/functions/go/go.mod", CORPUS), ("guests/conformance/network/go/go.mod", NETWORK)] {
        let listed = text(file)?;
        let direct = listed.lines().filter(|line| line.starts_with('\t') && !line.ends_with("// indirect"));
        let direct = direct.filter_map(|line| line.trim().split_once(' ')).filter(|(name, _)| name.contains('/'));
        let known = direct.filter(|(name, _)| !name.starts_with("guesthouse.dev"));
        found.extend(known.map(|(name, version)| (name.to_owned(), version.trim_start_matches('v').to_owned(), tests)));
    }
    Ok(sorted(found))
}

fn rust_crates() -> Result<Vec<Library>> {
    let mut found = Vec::new();
    for (project, lock, tests) in [
        ("tests/functions/rust", "tests/functions/rust/Cargo.lock", CORPUS),
        ("guests/conformance/network/rust-aws", "guests/conformance/network/rust-aws/Cargo.lock", AWS),
    ] {
        let (manifest, lock) = (text(&format!("{project}/Cargo.toml"))?, text(lock)?);
        let listed = manifest.split("[dependencies]\n").nth(1).and_then(|rest| rest.split("\n\n").next());
        let names = listed.unwrap_or_default().lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
        for name in names {
            let of = |name: &str| {
                let entry = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
                entry.split('"').next().map(str::to_owned)
            };
            // The SDK's own stand in for some.
            let version = of(name).or_else(|| of(&format!("guesthouse-{name}")));
            found.push((name.to_owned(), version.ok_or_else(|| format!("{project} does not lock {name}"))?, tests));
        }
    }
    Ok(sorted(found))
}

#[cfg(test)]
mod tests {
    use super::{PAGE, page, text};

    #[test]
    fn the_page_on_libraries_is_what_the_command_writes() {
        assert_eq!(text(PAGE).unwrap(), page().unwrap(), "hint: cargo xtask libraries");
    }
}

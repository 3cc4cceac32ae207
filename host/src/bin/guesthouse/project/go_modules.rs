//! This module has the modules of a project in Go for the time of a build. What has to differ from the project's own
//! files is in a temporary directory, so that the project stays as it is: a copy of `go.mod` in which Go itself adds
//! what is missing, or a workspace with a copy of `vendor`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use guesthouse::files;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{Language, templates, tools::output};

/// The module of AWS that has the runtime's interface, the events and the context.
pub const AWS: &str = "github.com/aws/aws-lambda-go";

/// A project in Go, and the temporary directory of its build, which is removed when this is dropped.
pub struct Project {
    directory: PathBuf,
    temporary: TempDir,
    missing: String,
    kind: Kind,
    /// Files that Go reads from elsewhere, by the paths of those that they stand for.
    replaced: Map<String, Value>,
}

/// Says where the versions of a project's modules come from.
pub enum Kind {
    /// A copy of `go.mod`. `given` has the modules that the project's own file names, if it has one.
    Module { given: Option<Vec<String>> },
    /// The directory `vendor`, whose module's root this is.
    Vendor { root: PathBuf },
    /// A workspace, with `go.work`.
    Workspace,
}

impl Project {
    pub fn new(directory: &Path, missing: &str) -> anyhow::Result<Self> {
        let temporary = tempfile::tempdir().context("can't make a directory for Go's build")?;
        let kind = Kind::Module { given: None };
        let (directory, missing) = (directory.to_owned(), missing.to_owned());
        let mut project = Self { directory, temporary, missing, kind, replaced: Map::new() };
        let module = PathBuf::from(project.env("GOMOD")?);
        // `/dev/null` means that there is none.
        let root = module.parent().filter(|_| module.is_file()).map(Path::to_owned);
        let workspace = PathBuf::from(project.env("GOWORK")?);
        match root {
            Some(root) if workspace.is_file() && project.is_in_workspace(&root)? => project.set_workspace(&workspace),
            Some(root) if is_vendored(&root) => project.set_vendor(root),
            root => project.set_module(root.as_deref()),
        }?;
        Ok(project)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the hint if Go is not installed.
    pub fn missing(&self) -> &str {
        &self.missing
    }

    /// Returns the path of a file of the build's own.
    pub fn temporary(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// Has Go read this file where it would read another one.
    pub fn replace(&mut self, path: &Path, by: &Path) {
        self.replaced.insert(path.display().to_string(), json!(by));
    }

    /// Returns the command for one of Go's subcommands that work on packages.
    pub fn go(&self, subcommand: &str) -> anyhow::Result<Command> {
        self.prepared(Command::new("go"), subcommand)
    }

    /// Returns the same for a toolchain by its directory.
    pub fn go_of(&self, toolchain: &Path, subcommand: &str) -> anyhow::Result<Command> {
        let mut go = Command::new(toolchain.join("bin/go"));
        go.env("GOROOT", toolchain).env("GOTOOLCHAIN", "local");
        self.prepared(go, subcommand)
    }

    fn prepared(&self, mut go: Command, subcommand: &str) -> anyhow::Result<Command> {
        go.current_dir(&self.directory).env("GOOS", "wasip1").env("GOARCH", "wasm").arg(subcommand);
        match self.kind {
            Kind::Module { .. } => {
                go.env("GOWORK", "off").arg("-mod=mod").arg("-modfile").arg(self.temporary("go.mod"))
            }
            Kind::Vendor { .. } => go.env("GOWORK", self.temporary("go.work")).arg("-mod=vendor"),
            Kind::Workspace => go.env("GOWORK", self.temporary("go.work")).arg("-mod=readonly"),
        };
        if !self.replaced.is_empty() {
            let description = self.temporary("overlay.json");
            let text = json!({ "Replace": self.replaced }).to_string();
            fs::write(&description, text).context("can't write the description of Go's overlay")?;
            go.arg("-overlay").arg(description);
        }
        Ok(go)
    }

    /// Has Go take a module from a directory, whatever the version.
    pub fn replace_module(&self, module: &str, by: &Path) -> anyhow::Result<()> {
        let by = format!("{module}={}", by.display());
        let (edit, file) = match self.kind {
            Kind::Workspace => ("work", "go.work"),
            Kind::Module { .. } | Kind::Vendor { .. } => ("mod", "go.mod"),
        };
        output(self.plain(&[edit, "edit", "-replace", &by]).arg(self.temporary(file)), &self.missing)?;
        Ok(())
    }

    /// Says which modules the build took although `go.mod` does not name them.
    pub fn tell_assumed(&self) -> anyhow::Result<()> {
        let Kind::Module { given } = &self.kind else { return Ok(()) };
        let taken = self.requirements()?;
        let known = given.as_deref().unwrap_or_default();
        let assumed: Vec<&str> =
            taken.iter().filter(|(module, _)| !known.contains(module)).map(|(_, version)| version.as_str()).collect();
        let (what, keep) = match given {
            Some(_) => ("`go.mod` lacks modules", "go mod tidy"),
            None => ("there is no `go.mod`", "go mod init NAME && go mod tidy"),
        };
        if !assumed.is_empty() {
            println!("{what}, and this build takes {}\nhint: `{keep}` keeps versions", assumed.join(", "));
        }
        Ok(())
    }

    /// Returns the modules that the copy of `go.mod` requires for the project's own imports, and each with its version.
    fn requirements(&self) -> anyhow::Result<Vec<(String, String)>> {
        let described = output(self.plain(&["mod", "edit", "-json"]).arg(self.temporary("go.mod")), &self.missing)?;
        let described: Value = serde_json::from_str(&described).context("can't read what Go says of `go.mod`")?;
        let required = described["Require"].as_array().into_iter().flatten();
        let direct = required.filter(|module| !module["Indirect"].as_bool().unwrap_or_default());
        let text = |module: &Value, key: &str| module[key].as_str().unwrap_or_default().to_owned();
        let named = |module: &Value| {
            let (path, version) = (text(module, "Path"), text(module, "Version"));
            let described = format!("{path} {version}");
            (path, described)
        };
        Ok(direct.map(named).collect())
    }

    /// Returns whether the workspace has the module. A build of one that is outside does without the workspace.
    fn is_in_workspace(&self, root: &Path) -> anyhow::Result<bool> {
        let listed = output(&mut self.plain(&["list", "-m", "-f", "{{.Dir}}"]), &self.missing)?;
        Ok(listed.lines().any(|line| Path::new(line) == root))
    }

    fn set_module(&mut self, root: Option<&Path>) -> anyhow::Result<()> {
        let copy = self.temporary("go.mod");
        let mut text = match root {
            Some(root) => {
                copy_if_there(&root.join("go.sum"), &self.temporary("go.sum"))?;
                files::read_text(&root.join("go.mod")).context("can't read the module")?
            }
            None => {
                // Go takes a directory as a module's only by such a file.
                self.replace(&self.directory.join("go.mod"), &copy);
                let version = self.env("GOVERSION")?;
                let version = version.trim_start_matches("go").split(['-', ' ']).next().unwrap_or_default().to_owned();
                format!("module guest\n\ngo {version}\n")
            }
        };
        fs::write(&copy, &text).with_context(|| format!("can't write `{}`", copy.display()))?;
        let given = match root {
            Some(_) => Some(self.requirements()?.into_iter().map(|(module, _)| module).collect()),
            None => None,
        };
        // The newest version may ask for a newer Go than the one that is installed.
        if !text.contains(AWS) && imports_aws(&self.directory)? {
            text += &format!("\nrequire {AWS} {}\n", sdk_version());
            fs::write(&copy, &text).with_context(|| format!("can't write `{}`", copy.display()))?;
        }
        self.kind = Kind::Module { given };
        Ok(())
    }

    /// Makes a workspace of one module, because Go looks for the directory `vendor` beside `go.work`.
    fn set_vendor(&mut self, root: PathBuf) -> anyhow::Result<()> {
        let described = output(self.plain(&["mod", "edit", "-json"]).arg(root.join("go.mod")), &self.missing)?;
        let described: Value = serde_json::from_str(&described).context("can't read what Go says of `go.mod`")?;
        // Workspaces have had such a directory since 1.22.
        let version = described["Go"].as_str().filter(|version| minor(version) >= 22).unwrap_or("1.22");
        let workspace = format!("go {version}\n\nuse {}\n", json!(root));
        fs::write(self.temporary("go.work"), workspace).context("can't write Go's workspace")?;
        let (vendor, copy) = (root.join("vendor"), self.temporary("vendor"));
        link_all(&vendor, &copy, Path::new(AWS))?;
        let listed = files::read_text(&vendor.join("modules.txt")).context("can't read `vendor/modules.txt`")?;
        let listed = if listed.starts_with("## workspace") { listed } else { format!("## workspace\n{listed}") };
        fs::remove_file(copy.join("modules.txt")).context("can't change the copy of `vendor`")?;
        fs::write(copy.join("modules.txt"), listed).context("can't change the copy of `vendor`")?;
        self.kind = Kind::Vendor { root };
        Ok(())
    }

    /// Copies the workspace, with the paths in it from the root.
    fn set_workspace(&mut self, workspace: &Path) -> anyhow::Result<()> {
        let described = output(self.plain(&["work", "edit", "-json"]).arg(workspace), &self.missing)?;
        let described: Value = serde_json::from_str(&described).context("can't read what Go says of `go.work`")?;
        let root = workspace.parent().context("a file has a directory")?;
        fs::write(self.temporary("go.work"), workspace_text(&described, root)).context("can't write Go's workspace")?;
        copy_if_there(&workspace.with_file_name("go.work.sum"), &self.temporary("go.work.sum"))?;
        self.kind = Kind::Workspace;
        Ok(())
    }

    pub fn env(&self, name: &str) -> anyhow::Result<String> {
        Ok(output(&mut self.plain(&["env", name]), &self.missing)?.trim().to_owned())
    }

    /// Returns a command that knows nothing of what is temporary.
    pub fn plain(&self, arguments: &[&str]) -> Command {
        let mut go = Command::new("go");
        go.current_dir(&self.directory).args(arguments);
        go
    }
}

/// Returns the version of AWS's module that the SDK is tested with.
fn sdk_version() -> &'static str {
    let module = templates::sdk(Language::Go).iter().find(|(path, _)| *path == "go.mod").map_or("", |(_, text)| *text);
    module.split_whitespace().skip_while(|word| *word != AWS).nth(1).unwrap_or("latest")
}

/// Returns whether a file in the directory imports a package of AWS's module.
fn imports_aws(directory: &Path) -> anyhow::Result<bool> {
    let import = format!("\"{AWS}/");
    for entry in fs::read_dir(directory).context("can't list the project's files")? {
        let path = entry.context("can't list the project's files")?.path();
        let is_source = path.extension().is_some_and(|extension| extension == "go") && path.is_file();
        if is_source && files::read_text(&path).is_ok_and(|text| text.contains(&import)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_vendored(root: &Path) -> bool {
    root.join("vendor/modules.txt").is_file()
}

/// Returns the second number of a version such as `1.24.3`.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn copy_if_there(from: &Path, to: &Path) -> anyhow::Result<()> {
    match fs::read(from).and_then(|bytes| fs::write(to, bytes)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't copy `{}`", from.display()))
        }
        _ => Ok(()),
    }
}

/// Makes a directory of links to what is in another one. Along the path `except` it makes directories of their own,
/// so that the link at its end can be replaced without a change of the other directory.
fn link_all(from: &Path, to: &Path, except: &Path) -> anyhow::Result<()> {
    let can_not = || format!("can't copy `{}`", from.display());
    fs::create_dir_all(to).with_context(can_not)?;
    let mut names = except.components();
    let own = names.next().map(|name| name.as_os_str().to_owned());
    for entry in fs::read_dir(from).with_context(can_not)? {
        let name = entry.with_context(can_not)?.file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        match (own.as_ref() == Some(&name), names.as_path().components().next()) {
            (true, Some(_)) => link_all(&from, &to, names.as_path())?,
            _ => std::os::unix::fs::symlink(&from, &to).with_context(can_not)?,
        }
    }
    Ok(())
}

/// Returns the text of a workspace of which Go gave this description. Its paths are relative to `root`.
fn workspace_text(described: &Value, root: &Path) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| described[key].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!("go {}", described["Go"].as_str().unwrap_or("1.18"))];
    if let Some(toolchain) = described["Toolchain"].as_str().filter(|toolchain| !toolchain.is_empty()) {
        lines.push(format!("toolchain {toolchain}"));
    }
    lines.extend(list("Godebug").iter().map(|set| format!("godebug {}={}", text(&set["Key"]), text(&set["Value"]))));
    lines.extend(list("Use").iter().map(|used| format!("use {}", json!(absolute(root, &text(&used["DiskPath"]))))));
    for replaced in list("Replace") {
        let (old, new) = (&replaced["Old"], &replaced["New"]);
        let by = match text(&new["Path"]) {
            path if path.starts_with('.') => json!(absolute(root, &path)).to_string(),
            path => json!(path).to_string(),
        };
        lines.push(format!(
            "replace {} {} => {by} {}",
            text(&old["Path"]),
            text(&old["Version"]),
            text(&new["Version"])
        ));
    }
    lines.join("\n") + "\n"
}

/// Returns the path of a directory that Go finds by this text. It compares such paths letter by letter.
fn absolute(root: &Path, path: &str) -> PathBuf {
    let joined = root.join(path);
    joined.canonicalize().unwrap_or_else(|_| joined.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspaces_paths_are_from_the_root() {
        let described = json!({
            "Go": "1.24.0",
            "Use": [{ "DiskPath": "./a" }, { "DiskPath": "/b c" }],
            "Replace": [{ "Old": { "Path": "m.example", "Version": "v1.0.0" }, "New": { "Path": "../m" } }],
        });
        let text = workspace_text(&described, Path::new("/w"));
        let expected = "go 1.24.0\nuse \"/w/a\"\nuse \"/b c\"\nreplace m.example v1.0.0 => \"/w/../m\" \n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_sdks_version_of_awss_module_is_known() {
        assert!(sdk_version().starts_with("v1."));
    }

    #[test]
    fn a_directory_is_linked_but_for_what_is_to_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for path in ["a/b/c", "a/other", "z"] {
            fs::create_dir_all(from.join(path)).unwrap();
        }
        link_all(&from, &to, Path::new("a/b")).unwrap();
        assert!(to.join("z").is_symlink() && to.join("a/other").is_symlink());
        assert!(!to.join("a").is_symlink() && to.join("a/b").is_symlink());
    }
}

//! The network of guests in Go. Go's standard library has none for `GOOS=wasip1`, so this module changes two of its
//! files for the build, with Go's own flag `-overlay`. The toolchain on the disk stays as it is.
//!
//! A changed file asks variables, which packages of the SDK set. An added file of the guest's main package imports
//! those packages. So a guest that imports neither `net` nor `net/http` is built without any of this.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde_json::json;
use tempfile::TempDir;

use super::tools::output;

/// A package of the standard library that needs a change to reach the network.
struct Changed {
    package: &'static str,
    /// The file to change, below the sources of the standard library.
    file: &'static str,
    change: fn(&str) -> Option<String>,
    /// The package of the SDK that sets the variables.
    sdk: &'static str,
}

const CHANGED: [Changed; 2] = [
    Changed { package: "net", file: "net/net_fake.go", change: with_sockets, sdk: "guesthouse.dev/go/network/sockets" },
    Changed {
        package: "net/http",
        file: "net/http/roundtrip.go",
        change: with_requests,
        sdk: "guesthouse.dev/go/network",
    },
];

/// The name of the file that is added to the guest's main package.
const ADDED: &str = "guesthouse_network.go";

/// Changed files of the standard library, in a directory that is removed when this is dropped.
pub struct Overlay(TempDir);

/// Returns the overlay that a guest needs, or nothing for one that uses no network. `go` returns a command with the
/// environment of the build.
pub fn overlay(go: impl Fn() -> Command, project: &Path, missing: &str) -> anyhow::Result<Option<Overlay>> {
    let listed = output(go().args(["list", "-deps", "-f", "{{.ImportPath}}", "."]), missing)?;
    let imports = |package: &str| listed.lines().any(|line| line == package);
    let needed: Vec<_> = CHANGED.iter().filter(|changed| imports(changed.package)).collect();
    if needed.is_empty() {
        return Ok(None);
    }
    let packages = needed.iter().map(|changed| changed.sdk);
    // A package that does not exist has no directory.
    let found = output(go().args(["list", "-e", "-f", "{{if .Dir}}{{.ImportPath}}{{end}}"]).args(packages), missing)?;
    let goroot = output(go().args(["env", "GOROOT"]), missing)?;

    let overlay = Overlay(tempfile::tempdir().context("can't make a directory for Go's overlay")?);
    // Go refuses to replace files of a toolchain that it downloaded itself, by their path.
    std::os::unix::fs::symlink(goroot.trim(), overlay.toolchain()).context("can't make a link to Go's toolchain")?;
    let sources = overlay.toolchain().join("src");
    let mut replaced = serde_json::Map::new();
    let mut add = |path: &Path, name: &str, text: &str| {
        let file = overlay.0.path().join(name);
        fs::write(&file, text).with_context(|| format!("can't write `{}`", file.display()))?;
        replaced.insert(path.display().to_string(), json!(file));
        anyhow::Ok(())
    };
    let mut imported = Vec::new();
    for changed in needed {
        if !found.lines().any(|line| line == changed.sdk) {
            println!("the project's copy of the SDK is an old one: `{}` has no network", changed.package);
            continue;
        }
        let path = sources.join(changed.file);
        let source = fs::read_to_string(&path).with_context(|| format!("can't read `{}`", path.display()))?;
        match (changed.change)(&source) {
            Some(text) => add(&path, &changed.package.replace('/', "_"), &text)?,
            None => println!("this version of Go is unknown: `{}` has no network", changed.package),
        }
        imported.push(changed.sdk);
    }
    if imported.is_empty() {
        return Ok(None);
    }
    add(&project.join(ADDED), ADDED, &main_file(&imported))?;
    let description = json!({ "Replace": replaced }).to_string();
    fs::write(overlay.description(), description).context("can't write the description of Go's overlay")?;
    Ok(Some(overlay))
}

impl Overlay {
    /// Returns the command that builds with the overlay, without its further arguments.
    pub fn build(&self) -> Command {
        let mut go = Command::new(self.toolchain().join("bin/go"));
        go.env("GOROOT", self.toolchain()).env("GOTOOLCHAIN", "local");
        go.arg("build").arg("-overlay").arg(self.description());
        go
    }

    fn toolchain(&self) -> PathBuf {
        self.0.path().join("go")
    }

    fn description(&self) -> PathBuf {
        self.0.path().join("overlay.json")
    }
}

/// Returns the file that imports packages into the guest's main package.
fn main_file(packages: &[&str]) -> String {
    let imports: String = packages.iter().map(|package| format!("import _ \"{package}\"\n")).collect();
    format!("package main\n\n{imports}")
}

/// Returns `net/http/roundtrip.go` where requests of all Transports go to a variable, if it is set. Other protocols
/// than those of HTTP are what a program registered itself.
fn with_requests(source: &str) -> Option<String> {
    let changed = replace_once(
        source,
        "\treturn t.roundTrip(req)\n",
        "\tif guesthouseRoundTrip != nil && req.URL != nil && (req.URL.Scheme == \"http\" || req.URL.Scheme == \"https\") {
\t\treturn guesthouseRoundTrip(t, req)
\t}
\treturn t.roundTrip(req)
",
    )?;
    let variable = "
//go:linkname guesthouseRoundTrip
var guesthouseRoundTrip func(*Transport, *Request) (*Response, error)
";
    Some(changed + variable)
}

/// Returns `net/net_fake.go` where a connection to an address to which the program itself does not listen is made by a
/// variable, if it is set, and where names are looked up by another one.
fn with_sockets(source: &str) -> Option<String> {
    let mut changed = replace_once(source, "type fakeNetFD struct {\n", "type fakeNetFD struct {\n\thost Conn\n")?;
    changed = replace_once(&changed, ":= fakeConnect(ctx, fd, ", ":= guesthouseConnect(ctx, fd, ")?;
    changed = replace_once(&changed, "import (\n", "import (\n\t_ \"unsafe\" // for linkname\n")?;
    for (signature, call) in [
        ("Read(p []byte) (n int, err error)", "Read(p)"),
        ("Write(p []byte) (nn int, err error)", "Write(p)"),
        ("Close() (err error)", "Close()"),
        ("closeRead() error", "(interface{ CloseRead() error }).CloseRead()"),
        ("closeWrite() error", "(interface{ CloseWrite() error }).CloseWrite()"),
        ("SetReadDeadline(t time.Time) error", "SetReadDeadline(t)"),
        ("SetWriteDeadline(t time.Time) error", "SetWriteDeadline(t)"),
    ] {
        let begin = format!("func (ffd *fakeNetFD) {signature} {{\n");
        let body = format!("{begin}\tif ffd.host != nil {{\n\t\treturn ffd.host.{call}\n\t}}\n");
        changed = replace_once(&changed, &begin, &body)?;
    }
    Some(changed + CONNECT)
}

const CONNECT: &str = "
//go:linkname guesthouseDial
var guesthouseDial func(ctx context.Context, address *TCPAddr) (Conn, error)

//go:linkname guesthouseLookup
var guesthouseLookup func(ctx context.Context, network, name string) ([]IPAddr, error)

func init() {
	testHookLookupIP = func(ctx context.Context, fn func(context.Context, string, string) ([]IPAddr, error),
		network, name string) ([]IPAddr, error) {
		if guesthouseLookup != nil {
			return guesthouseLookup(ctx, network, name)
		}
		return fn(ctx, network, name)
	}
}

func guesthouseConnect(ctx context.Context, fd *netFD, laddr, raddr sockaddr) error {
	address, isTCP := raddr.(*TCPAddr)
	if _, isOwn := sockets.Load(fakeAddr(raddr)); guesthouseDial == nil || !isTCP || isOwn {
		return fakeConnect(ctx, fd, laddr, raddr)
	}
	conn, err := guesthouseDial(ctx, address)
	if err != nil {
		return err
	}
	fd.host, fd.laddr, fd.raddr, fd.isConnected = conn, conn.LocalAddr(), raddr, true
	return nil
}
";

/// Returns the text with a part replaced that is in it exactly once.
fn replace_once(text: &str, part: &str, by: &str) -> Option<String> {
    (text.matches(part).count() == 1).then(|| text.replacen(part, by, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDTRIP: &str = "package http

func (t *Transport) RoundTrip(req *Request) (*Response, error) {
\treturn t.roundTrip(req)
}
";

    #[test]
    fn a_transport_asks_the_variable_first() {
        let changed = with_requests(ROUNDTRIP).unwrap();
        let (hook, own) = (changed.find("guesthouseRoundTrip(t, req)"), changed.find("return t.roundTrip(req)"));
        assert!(hook.unwrap() < own.unwrap());
        assert!(changed.contains("//go:linkname guesthouseRoundTrip\nvar guesthouseRoundTrip func("));
    }

    #[test]
    fn an_unknown_file_is_not_changed() {
        assert_eq!(with_requests("package http\n"), None);
        assert_eq!(with_requests(&ROUNDTRIP.repeat(2)), None);
        assert_eq!(with_sockets(ROUNDTRIP), None);
    }

    #[test]
    fn every_method_of_a_connection_asks_the_hosts() {
        let methods = [
            "Read(p []byte) (n int, err error)",
            "Write(p []byte) (nn int, err error)",
            "Close() (err error)",
            "closeRead() error",
            "closeWrite() error",
            "SetReadDeadline(t time.Time) error",
            "SetWriteDeadline(t time.Time) error",
        ];
        let methods = methods.map(|method| format!("func (ffd *fakeNetFD) {method} {{\n\treturn\n}}\n")).concat();
        let begin = "package net\n\nimport (\n\t\"time\"\n)\n\ntype fakeNetFD struct {\n\tfd *netFD\n}\n";
        let socket = "\tif err := fakeConnect(ctx, fd, laddr, raddr); err != nil {\n";
        let changed = with_sockets(&format!("{begin}{socket}{methods}")).unwrap();
        assert_eq!(changed.matches("if ffd.host != nil {").count(), 7);
        assert!(changed.contains("return ffd.host.(interface{ CloseWrite() error }).CloseWrite()"));
        assert!(changed.contains("err := guesthouseConnect(ctx, fd, laddr, raddr)"));
    }

    #[test]
    fn the_added_file_imports_packages() {
        assert_eq!(main_file(&["a/b"]), "package main\n\nimport _ \"a/b\"\n");
    }
}

//! The network of guests in Go. Go's standard library has none for `GOOS=wasip1`, so this module changes two of its
//! files for the build, with Go's own flag `-overlay`. The toolchain on the disk stays as it is.
//!
//! A changed file asks variables, which packages of the SDK set. An added file of the guest's main package imports
//! those packages. That makes a guest larger, by three megabytes for `net/http`. So a guest is built without any of
//! this first, and again only where Go's linker found that it calls what reaches the network.
//!
//! The package that streams responses is added in the same way, to a guest whose handler returns what is streamed. It
//! makes the guest import an interface that hosts did not have before 0.2.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{go_modules::Project, tools::output};

/// A package of the standard library that needs a change to reach the network.
struct Changed {
    package: &'static str,
    /// The file to change, below the sources of the standard library.
    file: &'static str,
    change: fn(&str) -> Option<String>,
    /// The functions of which a guest has one that uses the package for a network.
    uses: &'static [&'static str],
    /// The package of the SDK that sets the variables, below the SDK.
    sdk: &'static str,
}

const CHANGED: [Changed; 2] = [
    Changed {
        package: "net",
        file: "net/net_fake.go",
        change: with_sockets,
        uses: &["net.fakeConnect", "net.(*Resolver).lookupIPAddr"],
        sdk: "network/sockets",
    },
    Changed {
        package: "net/http",
        file: "net/http/roundtrip.go",
        change: with_requests,
        uses: &["net/http.(*Transport).roundTrip"],
        sdk: "network",
    },
];

/// The name of the file that is added to the guest's main package.
const ADDED: &str = "guesthouse_network.go";

/// The package of the SDK that streams responses.
const STREAMING: &str = "streaming";

/// Puts the changed files into the project's build, and returns the toolchain that it needs then. A guest that was
/// built without them, and turned out to use no network, needs neither. `sdk` has the SDK's packages below it.
pub fn put(project: &mut Project, guest: &[u8], sdk: &str) -> anyhow::Result<Option<PathBuf>> {
    let needed: Vec<_> = CHANGED.iter().filter(|changed| changed.uses.iter().any(|name| has(guest, name))).collect();
    let streaming = streams(guest).then(|| format!("{sdk}/{STREAMING}"));
    if needed.is_empty() && streaming.is_none() {
        return Ok(None);
    }
    let package = |changed: &Changed| format!("{sdk}/{}", changed.sdk);
    let packages = needed.iter().map(|changed| package(changed)).chain(streaming.clone());
    // A package that does not exist has no directory.
    let mut list = project.go("list")?;
    list.args(["-e", "-f", "{{if .Dir}}{{.ImportPath}}{{end}}"]).args(packages);
    let found = output(&mut list, project.missing())?;
    let goroot = output(project.plain(&["env", "GOROOT"]).env("GOWORK", "off"), project.missing())?;

    // Go refuses to replace files of a toolchain that it downloaded itself, by their path.
    let toolchain = project.temporary("go");
    std::os::unix::fs::symlink(goroot.trim(), &toolchain).context("can't make a link to Go's toolchain")?;
    let sources = toolchain.join("src");
    let directory = project.directory().to_owned();
    let mut add = |path: &Path, name: &str, text: &str| {
        let file = project.temporary(name);
        fs::write(&file, text).with_context(|| format!("can't write `{}`", file.display()))?;
        project.replace(path, &file);
        anyhow::Ok(())
    };
    let mut imported = Vec::new();
    for changed in needed {
        let package = package(changed);
        if !found.lines().any(|line| line == package) {
            println!("the project's copy of the SDK is an old one: `{}` has no network", changed.package);
            continue;
        }
        let path = sources.join(changed.file);
        let source = fs::read_to_string(&path).with_context(|| format!("can't read `{}`", path.display()))?;
        match (changed.change)(&source) {
            Some(text) => add(&path, &changed.package.replace('/', "_"), &text)?,
            None => println!("this version of Go is unknown: `{}` has no network", changed.package),
        }
        imported.push(package);
    }
    // A project's copy of the SDK may be an old one, without it: then responses are collected, as they were.
    imported.extend(streaming.filter(|package| found.lines().any(|line| line == package)));
    if imported.is_empty() {
        return Ok(None);
    }
    let main = main_file(&imported);
    add(&directory.join(ADDED), ADDED, &main)?;
    Ok(Some(toolchain))
}

/// Returns whether the guest has the function. Go's runtime has the names of all that are linked, for stack traces.
fn has(guest: &[u8], function: &str) -> bool {
    let name = function.as_bytes();
    guest.windows(name.len()).any(|part| part == name)
}

/// Returns whether the guest's handler returns what is streamed. That is the type of AWS's module for it, of which Go
/// keeps the method only if something may call it, or an `io.Reader`, which is in the name of the handler's type.
fn streams(guest: &[u8]) -> bool {
    const RESPONSE: &str = "events.(*LambdaFunctionURLStreamingResponse).Read";
    const RESULTS: &[u8] = b") (io.Reader, error)";
    // Types' names are shorter in practice.
    const LONGEST: usize = 200;
    let returns_reader = |end: usize| {
        let before = &guest[end.saturating_sub(LONGEST)..end];
        let begin = before.windows(5).rposition(|part| part == b"func(");
        begin.and_then(|begin| str::from_utf8(&before[begin + 5..]).ok()).is_some_and(are_handlers_arguments)
    };
    has(guest, RESPONSE)
        || guest.windows(RESULTS.len()).enumerate().any(|(at, part)| part == RESULTS && returns_reader(at))
}

/// Returns whether a function with arguments of these types may be a handler. Many others make a reader of a reader.
fn are_handlers_arguments(arguments: &str) -> bool {
    let event = match arguments.strip_prefix("context.Context") {
        Some(rest) => rest.strip_prefix(", ").unwrap_or(rest),
        None => arguments,
    };
    !event.contains([',', '(', ')']) && event != "io.Reader"
}

/// Returns the file that imports packages into the guest's main package.
fn main_file(packages: &[String]) -> String {
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
    fn a_guest_that_calls_nothing_of_the_network_needs_none() {
        assert!(has(b"..net/http.(*Transport).roundTrip..", CHANGED[1].uses[0]));
        assert!(!has(b"..net/http.(*Request).WithContext..", CHANGED[1].uses[0]));
    }

    #[test]
    fn a_handler_that_returns_a_reader_streams() {
        for (guest, expected) in [
            (&b"events.(*LambdaFunctionURLStreamingResponse).Read"[..], true),
            (b"\x00*func(context.Context, *main.Order) (io.Reader, error)\x00", true),
            (b"*func(context.Context) (io.Reader, error)", true),
            (b"*func(main.Order) (io.Reader, error)", true),
            (b"*func() (io.Reader, error)", true),
            (b"*func(string, io.Reader) (io.Reader, error)", false),
            (b"*func(io.Reader) (io.Reader, error)", false),
            (b"*func() (io.ReadCloser, error)", false),
            (b"\xfffunc(\xff) (io.Reader, error)", false),
            (b") (io.Reader, error)", false),
            (b"*func(context.Context, main.Order) (string, error)", false),
        ] {
            assert_eq!(streams(guest), expected, "{}", guest.escape_ascii());
        }
    }

    #[test]
    fn the_added_file_imports_packages() {
        assert_eq!(main_file(&["a/b".to_owned()]), "package main\n\nimport _ \"a/b\"\n");
    }
}

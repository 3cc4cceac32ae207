//! This module has the files of a new project. They come from the repository's own samples and SDKs, which the tests
//! build and run.

use std::borrow::Cow;

use super::{Language, Template};

/// The placeholder for the guest's name in a project's files.
pub const NAME: &str = "{{name}}";

/// A file's path and text.
type File<T> = (&'static str, T);

/// Embeds files of the repository, from a directory in `guests`.
macro_rules! files {
    ($directory:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../../guests/", $directory, "/", $path)))),+]
    };
}

const RUST_SDK: &[File<&str>] = files!("sdk/rust":
    "Cargo.toml", "aws-config/Cargo.toml", "aws-config/src/body.rs", "aws-config/src/client.rs",
    "aws-config/src/lib.rs", "executor/Cargo.toml", "executor/src/events.rs", "executor/src/failure.rs",
    "executor/src/guest.rs", "executor/src/lib.rs", "executor/src/program.rs", "executor/src/reactor.rs",
    "lambda_runtime/Cargo.toml", "lambda_runtime/src/context.rs", "lambda_runtime/src/deserializer.rs",
    "lambda_runtime/src/diagnostic.rs", "lambda_runtime/src/invocation.rs", "lambda_runtime/src/layers/answer.rs",
    "lambda_runtime/src/layers/mod.rs", "lambda_runtime/src/layers/otel.rs",
    "lambda_runtime/src/layers/trace.rs", "lambda_runtime/src/lib.rs",
    "lambda_runtime/src/response.rs", "lambda_runtime/src/runtime.rs", "lambda_runtime/src/snapstart.rs",
    "lambda_runtime/src/streaming.rs", "lambda_runtime/src/tracing.rs", "src/context.rs", "src/error.rs",
    "src/internal.rs", "src/lib.rs", "src/stream.rs", "tokio-macros/Cargo.toml", "tokio-macros/src/lib.rs",
    "tokio/Cargo.toml", "tokio/src/fs.rs", "tokio/src/lib.rs", "tokio/src/task.rs", "wit/guesthouse.wit");
const GO_SDK: &[File<&str>] = files!("sdk/go":
    "go.mod", "go.sum", "internal/arena/arena_wasip1.go", "internal/arena/doc.go",
    "internal/denied/denied.go", "internal/guest/failure.go", "internal/guest/keep_wasip1.go",
    "internal/guest/main_wasip1.go", "internal/guest/main_wasip1.s", "internal/guest/prepare.go",
    "internal/guest/wire.go", "internal/headers/length.go", "internal/quickjson/numbers.go",
    "internal/quickjson/plan.go", "internal/quickjson/read.go", "internal/quickjson/skip.go",
    "internal/quickjson/text.go", "internal/quickjson/tokens.go", "internal/quickjson/words_native.go",
    "internal/quickjson/words_wasip1.go", "internal/quickjson/write.go", "internal/streams/streams.go",
    "internal/wasi/doc.go",
    "internal/wasi/exchange_wasip1.go",
    "internal/wasi/http_imports_wasip1.go", "internal/wasi/http_wasip1.go", "internal/wasi/io_wasip1.go",
    "internal/wasi/result_wasip1.go", "internal/wasi/serve_imports_wasip1.go", "internal/wasi/serve_wasip1.go",
    "internal/wasi/sockets_wasip1.go", "internal/wasi/wait_wasip1.go", "lambda/guest_wasip1.go",
    "lambda/handler.go", "lambda/invocation.go", "lambda/lambda.go", "lambda/native.go", "lambda/options.go",
    "lambda/wire.go", "lambdahttp/context.go", "lambdahttp/fields.go", "lambdahttp/guest_wasip1.go",
    "lambdahttp/lambdahttp.go", "lambdahttp/native.go", "lambdahttp/request.go", "lambdahttp/response.go",
    "network/doc.go", "network/failure.go", "network/gzip.go",
    "network/headers.go", "network/holding_wasip1.go", "network/response_wasip1.go", "network/sockets/conn_wasip1.go",
    "network/sockets/deadline.go", "network/sockets/dial_wasip1.go", "network/sockets/doc.go",
    "network/transport_wasip1.go", "network/upload_wasip1.go", "streaming/streaming.go",
    "streaming/streaming_wasip1.go");
const PYTHON_SDK: &[File<&str>] = files!("sdk/python":
    "apps.py", "aws_services.py", "build.py", "entry.py", "guesthouse/__init__.py", "guesthouse/absent.py",
    "guesthouse/bundle.py", "guesthouse/bundle_data.py", "guesthouse/context.py", "guesthouse/errors.py",
    "guesthouse/event_loop.py", "guesthouse/events.py", "guesthouse/executors.py", "guesthouse/files_view.py",
    "guesthouse/guest.py", "guesthouse/handler_error.py", "guesthouse/hashes.py", "guesthouse/instance.py",
    "guesthouse/lean_code.py", "guesthouse/libraries.py", "guesthouse/loading.py", "guesthouse/logs.py",
    "guesthouse/network/__init__.py", "guesthouse/network/aws.py", "guesthouse/network/connection.py",
    "guesthouse/network/datagrams.py", "guesthouse/network/exchange.py", "guesthouse/network/failures.py",
    "guesthouse/network/http1.py", "guesthouse/network/patches.py", "guesthouse/network/sockets.py",
    "guesthouse/network/tls.py", "guesthouse/pack.py", "guesthouse/processes.py", "guesthouse/responses.py",
    "guesthouse/stdlib.py", "guesthouse/streaming.py", "guesthouse/text.py", "guesthouse/turns.py",
    "guesthouse/web/__init__.py", "guesthouse/web/asgi.py", "guesthouse/web/context.py", "guesthouse/web/exchange.py",
    "guesthouse/web/guest.py", "guesthouse/web/kinds.py", "guesthouse/web/wsgi.py", "guesthouse/wipe.py",
    "imports.py", "packages/__init__.py", "packages/advice.py", "packages/graph.py", "packages/install.py",
    "packages/native.py", "packages/pip_for_guests.py", "packages/provided.py", "packages/rust.py", "packages/trial.py",
    "packages/wanted.py", "packages/wheels.py", "project_files.py", "refused.py", "requirements.txt",
    "wit/deps/guesthouse-lambda/guesthouse.wit", "wit/deps/wasi-clocks/clocks.wit", "wit/deps/wasi-http/http.wit",
    "wit/deps/wasi-io/io.wit", "wit/deps/wasi-sockets/sockets.wit", "wit/deps/wasi-tls/tls.wit", "wit/guest.wit",
    "without_names.py");
const C_SDK: &[File<&str>] = files!("sdk/c": "fetch.c", "guesthouse.c", "guesthouse.h", "json.c", "stream.c",
    "wasi_http.h");

const JS_SDK: &[File<&str>] = files!("sdk/js":
    ".gitignore", "README.md", "awslambda.d.ts", "browser.js", "build.js", "builtins.js", "cli.js", "delegates.js",
    "entry.js", "function.js", "index.d.ts", "intl.js", "names.js", "optional.js", "package.json", "positions.js",
    "prototypes.js", "renamed.js", "required.js", "rewrite.js", "runtime/async.js", "runtime/call-sites.js",
    "runtime/clone.js", "runtime/console.js", "runtime/context.js", "runtime/errors.js", "runtime/globals.js",
    "runtime/guest.js", "runtime/http-guest.js", "runtime/inject/buffer.js", "runtime/inject/url.js",
    "runtime/inspect.js", "runtime/intl/data.js", "runtime/intl/dates.js", "runtime/intl/globals.js",
    "runtime/intl/numbers.js", "runtime/intl/words.js", "runtime/invocation.js", "runtime/jobs.js", "runtime/json.js",
    "runtime/lifecycle.js", "runtime/loop.js", "runtime/net/body.js", "runtime/net/errors.js", "runtime/net/http.js",
    "runtime/net/ip.js", "runtime/net/lookup.js", "runtime/net/poll.js", "runtime/net/result.js",
    "runtime/net/socket-errors.js", "runtime/net/tcp.js", "runtime/net/write.js", "runtime/node/absent.js", "runtime/node/assert-strict.js",
    "runtime/node/assert.js", "runtime/node/async-hooks.js", "runtime/node/buffer.js", "runtime/node/console.js",
    "runtime/node/crypto.js", "runtime/node/crypto/cipher.js", "runtime/node/crypto/curves.js",
    "runtime/node/crypto/der.js", "runtime/node/crypto/derive.js", "runtime/node/crypto/hash.js",
    "runtime/node/crypto/keys.js", "runtime/node/crypto/random.js", "runtime/node/crypto/rsa.js",
    "runtime/node/crypto/sign.js", "runtime/node/deep-equal.js", "runtime/node/diagnostics-channel.js",
    "runtime/node/dns-promises.js", "runtime/node/dns.js", "runtime/node/events.js", "runtime/node/fs-file-handle.js",
    "runtime/node/fs-handles.js", "runtime/node/fs-promises.js", "runtime/node/fs-streams.js",
    "runtime/node/fs-sync.js", "runtime/node/fs-wasi.js", "runtime/node/fs.js", "runtime/node/http.js",
    "runtime/node/http/client.js", "runtime/node/http/incoming.js", "runtime/node/http/outgoing.js",
    "runtime/node/http/server.js", "runtime/node/https.js", "runtime/node/module.js", "runtime/node/net-sockets.js",
    "runtime/node/net.js", "runtime/node/net/socket.js", "runtime/node/os.js", "runtime/node/path.js",
    "runtime/node/perf-hooks.js", "runtime/node/process.js", "runtime/node/querystring.js",
    "runtime/node/stream-adapters.js", "runtime/node/stream-consumers.js", "runtime/node/stream-promises.js",
    "runtime/node/stream-web.js", "runtime/node/stream.js", "runtime/node/string-decoder.js",
    "runtime/node/timers-promises.js", "runtime/node/timers.js", "runtime/node/tls.js", "runtime/node/tty.js",
    "runtime/node/url.js", "runtime/node/util-types.js", "runtime/node/util.js", "runtime/node/zlib.js",
    "runtime/process-events.js", "runtime/process.js", "runtime/promise.js", "runtime/random.js",
    "runtime/serve/execution.js", "runtime/serve/request.js", "runtime/serve/response.js", "runtime/stack.js",
    "runtime/streaming.js", "runtime/text.js", "runtime/web/abort.js", "runtime/web/absent.js", "runtime/web/blob.js",
    "runtime/web/body.js", "runtime/web/bytes.js", "runtime/web/compression.js", "runtime/web/decompress.js",
    "runtime/web/events.js", "runtime/web/fetch.js", "runtime/web/form.js", "runtime/web/globals.js",
    "runtime/web/hashes.js", "runtime/web/headers.js", "runtime/web/request.js", "runtime/web/response.js",
    "runtime/web/sha256.js", "runtime/web/streams.js", "runtime/web/subtle-derived.js", "runtime/web/subtle-keys.js",
    "runtime/web/subtle.js", "runtime/web/url.js", "sockets.js", "streaming.js", "web.js",
    "wit/deps/guesthouse-lambda/guesthouse.wit", "wit/deps/wasi-cli/cli.wit", "wit/deps/wasi-clocks/clocks.wit",
    "wit/deps/wasi-filesystem/filesystem.wit", "wit/deps/wasi-io/io.wit", "wit/deps/wasi-random/random.wit",
    "wit/deps/wasj-clocks/clocks.wit", "wit/deps/wasj-http/http.wit", "wit/deps/wasj-io/io.wit",
    "wit/deps/wasj-sockets/sockets.wit", "wit/deps/wasj-tls/tls.wit", "wit/guest.wit");

const RUST: &[File<&str>] = files!("hello": "src/lib.rs");
const GO: &[File<&str>] = files!("hello-go": "main.go", "go.mod", "go.sum");
const PYTHON: &[File<&str>] = files!("hello-python": "app.py", "requirements.txt");
const JS: &[File<&str>] =
    files!("hello-js": "src/handler.js", "package.json", "package-lock.json", ".npmrc", ".gitignore");
const TS: &[File<&str>] =
    files!("hello-ts": "src/handler.ts", "package.json", "package-lock.json", "tsconfig.json", ".npmrc", ".gitignore");
const C: &[File<&str>] = files!("hello-c": "hello.c", "Makefile");

// The samples of the template `http` respond alike: `GET /?name=Ada` with `{"message":"Hello Ada!","count":1}`, where
// `count` is the number of the instance's requests, and any other path with status 404.
const HTTP_RUST: &[File<&str>] = files!("hello-http-rust": "src/main.rs");
const HTTP_GO: &[File<&str>] = files!("hello-http-go": "main.go", "main_test.go", "go.mod", "go.sum");
const HTTP_PYTHON: &[File<&str>] = files!("hello-http-python": "app.py", "requirements.txt");
const HTTP_JS: &[File<&str>] = files!("hello-http-js":
    "src/app.js", "test/app.test.js", "package.json", "package-lock.json", ".npmrc", ".gitignore");
const HTTP_TS: &[File<&str>] = files!("hello-http-ts":
    "src/app.ts", "test/app.test.ts", "package.json", "package-lock.json", "tsconfig.json", ".npmrc", ".gitignore");

const RUST_OWN: &[File<&str>] = &[("Cargo.toml", CARGO_TOML), (".gitignore", "target/\n*.wasm\n")];
const HTTP_RUST_OWN: &[File<&str>] = &[("Cargo.toml", HTTP_CARGO_TOML), (".gitignore", "target/\n*.wasm\n")];
const GO_OWN: &[File<&str>] = &[(".gitignore", "*.wasm\n")];
const PYTHON_OWN: &[File<&str>] = &[(".gitignore", ".venv/\n__pycache__/\n*.wasm\n")];
const C_OWN: &[File<&str>] = &[(".gitignore", "*.wasm\n")];

const CARGO_TOML: &str = r#"[package]
name = "{{name}}"
version = "0.1.0"
edition = "2024"

# A project of its own, whatever directory it is in.
[workspace]

[lib]
crate-type = ["cdylib"]

[dependencies]
guesthouse-guest = { path = "guesthouse" }
serde = { version = "1", features = ["derive"] }

[profile.release]
opt-level = "s"
lto = true
panic = "abort"
"#;

const HTTP_CARGO_TOML: &str = r#"[package]
name = "{{name}}"
version = "0.1.0"
edition = "2024"

# A project of its own, whatever directory it is in.
[workspace]

[dependencies]
axum = { version = "0.8", default-features = false, features = ["json", "query"] }
serde = { version = "1", features = ["derive"] }
wstd = "0.6.8"
wstd-axum = "0.6.8"

[profile.release]
opt-level = "s"
lto = true
panic = "abort"
codegen-units = 1
"#;

/// Returns the SDK's files, with their paths in its directory.
pub fn sdk(language: Language) -> &'static [File<&'static str>] {
    match language {
        Language::Rust => RUST_SDK,
        Language::Go => GO_SDK,
        Language::Python => PYTHON_SDK,
        Language::Js | Language::Ts => JS_SDK,
        Language::C => C_SDK,
    }
}

/// What a project is made of.
struct Project {
    /// The sample's name, which the new project's own replaces.
    sample: &'static str,
    /// The sample's files.
    files: &'static [File<&'static str>],
    /// The SDK's path, as the sample writes it. `None` if it does without.
    sdk: Option<&'static str>,
    /// Files that the sample has not, or has in another form.
    own: &'static [File<&'static str>],
}

impl Project {
    /// Returns the project for this template in this language, if there is one. To add one, write a sample below
    /// `guests`, list its files above, and put a line here.
    fn of(language: Language, template: Template) -> Option<Self> {
        let project = |sample, files, sdk, own| Some(Self { sample, files, sdk: Some(sdk), own });
        let without_sdk = |sample, files, own| Some(Self { sample, files, sdk: None, own });
        match (template, language) {
            (Template::Event, Language::Rust) => project("hello", RUST, "sdk/rust", RUST_OWN),
            (Template::Event, Language::Go) => project("hello-go", GO, "../sdk/go", GO_OWN),
            (Template::Event, Language::Python) => project("hello-python", PYTHON, "../sdk/python", PYTHON_OWN),
            (Template::Event, Language::Js) => project("hello-js", JS, "../sdk/js", &[]),
            (Template::Event, Language::Ts) => project("hello-ts", TS, "../sdk/js", &[]),
            (Template::Event, Language::C) => project("hello-c", C, "../sdk/c", C_OWN),
            (Template::Http, Language::Rust) => without_sdk("hello-http-rust", HTTP_RUST, HTTP_RUST_OWN),
            (Template::Http, Language::Go) => project("hello-http-go", HTTP_GO, "../sdk/go", GO_OWN),
            (Template::Http, Language::Js) => project("hello-http-js", HTTP_JS, "../sdk/js", &[]),
            (Template::Http, Language::Ts) => project("hello-http-ts", HTTP_TS, "../sdk/js", &[]),
            (Template::Http, Language::Python) => {
                project("hello-http-python", HTTP_PYTHON, "../sdk/python", PYTHON_OWN)
            }
            (Template::Http, Language::C) => None,
        }
    }
}

/// Returns whether a project of this template has a copy of the SDK.
pub fn has_sdk(language: Language, template: Template) -> bool {
    Project::of(language, template).is_some_and(|project| project.sdk.is_some())
}

/// Returns the project's own files, with [`NAME`] in place of its name, if the language has this template.
pub fn project(language: Language, template: Template) -> Option<Vec<File<Cow<'static, str>>>> {
    let Project { sample, files, sdk, own } = Project::of(language, template)?;
    // A path in Go must begin with `./`, and in other languages it may.
    let adapt = |text: &str| {
        let text = sdk.map_or_else(|| text.to_owned(), |sdk| text.replace(sdk, "./guesthouse"));
        text.replace(sample, NAME)
    };
    let is_source = |path: &str| [".rs", ".py", ".go", ".js", ".ts", ".c"].iter().any(|ending| path.ends_with(ending));
    let files = files.iter().map(|(path, text)| match is_source(path) {
        true => (*path, Cow::Borrowed(*text)),
        false => (*path, Cow::Owned(adapt(text))),
    });
    Some(files.chain(own.iter().map(|(path, text)| (*path, Cow::Borrowed(*text)))).collect())
}

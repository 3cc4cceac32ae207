//! What is fuzzed: each function takes bytes as they might come from outside, and panics if the host does not cope.
//!
//! The fuzzer calls them with bytes of its own; `tests/it/corpus.rs` calls them with those that were kept.

use std::{
    fs,
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use guesthouse::{
    artifact_policy::ArtifactPolicy,
    capabilities::{Capabilities, Limits},
    config::{Config, FunctionInfo},
    digest::Digest,
    engine::{Code, CompileLimits, Engine, Guest, MemoryPool},
    failure::{ErrorType, Failure},
    gateway::{BasePath, Gateway, Received},
    invocation::{Context, Deadline, Invocation},
    network::{
        address::{Kind, destination},
        aws::{
            authorization::Authorization,
            services::{AwsService, AwsServices},
        },
        host::{Host, parse_authority},
        rules::{Rules, Scheme},
        runtime_api::RuntimeApi,
    },
    observer::{Line, Observer},
    phase_timings::PhaseTimings,
    registry::{INIT_LIMIT, LoadRequest, RefreshThread, Registry},
    response_stream::response_stream,
    runtime_client::{self, Service},
    source::{Content, FetchOptions, FetchOutcome, Source},
};
use http::StatusCode;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::timeout,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("this machine runs the compiler's code"));

struct Silence;

impl Observer for Silence {
    fn line(&self, _: &Line<'_>) {}
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn within_patience<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it ends")
}

/// Bytes as a guest's file: it is refused with a reason, or it runs, and then ends in a response or a failure.
pub fn guest(bytes: &[u8]) {
    let limits = Limits { memory_bytes: Some(16 << 20), ..Limits::default() };
    let capabilities = Capabilities { limits, ..Capabilities::default() };
    let limit = Duration::from_secs(2);
    let ran = runtime().block_on(within_patience(async {
        let code = Code::compile(
            &ENGINE,
            bytes.to_vec(),
            Digest::of(bytes),
            CompileLimits { time: limit, ..CompileLimits::default() },
        )
        .await;
        let code = code.map_err(|error| error.into_failure("guest"))?;
        let (budget, timings) = (MemoryPool::new(&capabilities, 0), &mut PhaseTimings::start());
        let guest = Guest::load(&ENGINE, code, capabilities, Arc::new(Silence), budget, limit, timings).await;
        let guest = guest.map_err(|error| error.into_failure("guest"))?;
        let context = Context { deadline: Deadline::after(Duration::from_millis(500)), ..Context::default() };
        let mut running =
            Arc::new(guest).begin(Invocation { event: Bytes::from_static(b"\"rest\""), context }, response_stream().0);
        running.response().await
    }));
    if let Err::<_, Failure>(failure) = ran {
        assert_ne!(failure.error_type, ErrorType::Internal, "{failure}");
    }
}

/// Bytes as `guesthouse.toml`: the host is configured, or says what is wrong.
pub fn settings(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("guesthouse.toml"), bytes).expect("a file is written");
    if let Err(failure) = read(&directory, "hello") {
        assert_eq!(failure.error_type, ErrorType::Config, "{failure}");
    }
}

fn read(task_root: &TempDir, handler: &str) -> Result<Config, Failure> {
    let task_root = task_root.path().to_str().expect("a path of text");
    let environment =
        [("LAMBDA_TASK_ROOT", task_root), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"), ("HANDLER", handler)];
    Config::read(&environment.into_iter().collect(), &[])
}

/// Bytes as what decides about a request: a line each for a rule, an authority, an address, a service of AWS, and a
/// signature. Whatever is granted is what the rule says, in one form, and never an address of the environment.
pub fn network(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default();
    let (rule, authority, address, service, signature) = (line(), line(), line(), line(), line());

    let rules = Rules::parse([rule]);
    if let Ok(rules) = &rules {
        let written: Vec<String> = rules.texts().collect();
        let again = Rules::parse(written.iter().map(String::as_str)).expect("what is written can be read");
        assert_eq!(*rules, again, "{rule:?}");
    }
    let _ = Authorization::parse(signature);
    let Ok((host, port)) = parse_authority(authority, Some(443)) else { return };
    assert_eq!(Host::parse(&host.to_string()).as_ref(), Ok(&host), "{authority:?}");
    if let Ok(service) = service.parse::<AwsService>() {
        let services = AwsServices::new(vec![service], std::iter::empty());
        if services.check(Scheme::Https, &host, port).is_some() {
            assert!(services.is_aws(Scheme::Https, &host, port) && port == 443, "{authority:?}");
        }
    }
    let (Ok(rules), Ok(address)) = (rules, address.parse()) else { return };
    let runtime_api = RuntimeApi::parse("127.0.0.1:9001");
    for scheme in [Scheme::Https, Scheme::Http, Scheme::Tcp] {
        let Ok(grant) = rules.check(scheme, &host, port) else { continue };
        assert_eq!((&grant.host, grant.port), (&host, port));
        if grant.allows(address, &runtime_api).is_ok() {
            assert!(!matches!(Kind::of(address), Kind::Refused(_)), "{address}");
            assert!(!destination(address).is_loopback() || port != 9001, "{address}");
            assert!(!rules.grant_everything() || Kind::of(address) == Kind::Public, "{address}");
        }
    }
}

/// Bytes as an event of an HTTP service: it is refused, or becomes a request that is whole. A response with the request's
/// own headers and body is JSON within the service's limits, or is refused.
pub fn gateway(bytes: &[u8]) {
    let gateway = Gateway { base_path: BasePath::parse("/v1").ok(), ..Gateway::default() };
    let Received { request, front } = match gateway.request(&Bytes::copy_from_slice(bytes), &Context::default()) {
        Ok(received) => received,
        Err(failure) => return assert_eq!(failure.error_type, ErrorType::InvalidEvent, "{failure}"),
    };
    let (parts, body) = request.into_parts();
    let values = |name: &str| parts.headers.get_all(name).iter().collect::<Vec<_>>();
    assert!(parts.uri.scheme().is_some() && parts.uri.path().starts_with('/'), "{}", parts.uri);
    assert_eq!(values("content-length"), [body.len().to_string().as_str()]);
    assert!(values("host").len() == 1 && values("x-amzn-lambda-context").len() == 1, "{:?}", parts.headers);
    assert!(values("x-amzn-request-context").len() <= 1 && values("cookie").len() <= 1, "{:?}", parts.headers);

    let (mut head, ()) = http::Response::new(()).into_parts();
    head.status = StatusCode::from_u16(100 + (bytes.len() % 900) as u16).expect("a status");
    head.headers = parts.headers;
    match front.response(&head, &body) {
        Ok(json) => {
            let response: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
            assert!(json.len() <= front.body_limit_bytes() && response["statusCode"] == head.status.as_u16());
            assert_eq!(response.get("body").is_none(), front.has_no_body(head.status));
        }
        Err(failure) => assert!(
            matches!(failure.error_type, ErrorType::ResponseSizeTooLarge | ErrorType::InvalidResponse),
            "{failure}"
        ),
    }
    match front.prelude(&head) {
        Ok(prelude) => {
            assert!(front.can_stream() && prelude.len() <= 16 << 10 && prelude.ends_with(b"}\0\0\0\0\0\0\0\0"));
        }
        Err(failure) if front.can_stream() => assert_eq!(failure.error_type, ErrorType::ResponseSizeTooLarge),
        Err(_) => {}
    }
}

/// Bytes as a handler's value: what is loaded is a guest of the task root, or what is wrong is said.
pub fn handler(bytes: &[u8]) {
    /// Beside the task root: nothing may lead there.
    static DIRECTORIES: LazyLock<(TempDir, TempDir)> = LazyLock::new(|| {
        let outside = tempfile::tempdir().expect("a directory");
        for name in ["secret.wasm", "secret.cwasm"] {
            fs::write(outside.path().join(name), "secret").expect("a file is written");
        }
        let inside = tempfile::tempdir_in(outside.path()).expect("a directory");
        fs::create_dir(inside.path().join("billing")).expect("a directory");
        for name in ["hello.wasm", "hello.cwasm", "billing/refund.wasm", "guesthouse.toml"] {
            fs::write(inside.path().join(name), "").expect("a file is written");
        }
        (outside, inside)
    });
    let Ok(value) = std::str::from_utf8(bytes) else { return };
    if value.is_empty() {
        return;
    }
    let looked = read(&DIRECTORIES.1, value).and_then(|config| match config.source {
        source @ Source::TaskRoot { .. } => {
            let stop = Instant::now() + PATIENCE;
            let wanted = FetchOptions { limit_bytes: 1024, signature: false, snapshot: false, stop, attempts: 1 };
            runtime().block_on(within_patience(source.fetch(None, &wanted))).map(Some)
        }
        // A file is named on purpose, and may be any; and nothing else is asked.
        _ => Ok(None),
    });
    match looked {
        Ok(look) => assert!(look.is_none_or(|look| is_empty(&look)), "{value:?} leads out"),
        Err(failure) => assert!(
            matches!(failure.error_type, ErrorType::Config | ErrorType::GuestNotFound | ErrorType::SourceUnavailable),
            "{failure}"
        ),
    }
}

fn is_empty(look: &FetchOutcome) -> bool {
    let FetchOutcome::Fetched(artifact) = look else { return false };
    let (precompiled, wasm) = match &artifact.content {
        Content::Wasm(wasm) => (None, Some(wasm)),
        Content::MachineCode(_) => return false,
        Content::Precompiled(precompiled, wasm) => (precompiled.as_ref().ok(), wasm.as_ref()),
    };
    let bytes = precompiled.map(|precompiled| precompiled.file.metadata().expect("a size").len());
    wasm.is_none_or(|wasm| wasm.bytes.is_empty()) && bytes.is_none_or(|bytes| bytes == 0)
}

/// Bytes as all that comes for a request for an event, whereupon the connection ends. The host responds at most once,
/// and then requests the next event, which is refused for good.
pub fn next(bytes: &[u8]) {
    static SERVICE: LazyLock<Arc<Service>> = LazyLock::new(|| Arc::new(runtime().block_on(echo())));
    let service = SERVICE.clone();
    let posts = runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (end, ended) = oneshot::channel();
        let load = async move || Ok(service);
        let serving = async {
            let started =
                runtime_client::start(&address, NonZeroUsize::MIN, INIT_LIMIT, load, |served| drop(end.send(served)));
            started.await.expect("it is loaded");
            ended.await.expect("it ends")
        };
        let mut api = Api { event: Some(bytes.to_vec()), posts: Vec::new() };
        tokio::select! {
            served = within_patience(serving) => assert!(served.is_err()),
            () = api.serve(listener) => {}
        }
        api.posts
    });
    assert!(posts.len() <= 1, "{posts:?}");
    for path in posts {
        let outcome = path.strip_prefix("/2018-06-01/runtime/invocation/").and_then(|rest| rest.split_once('/'));
        assert!(outcome.is_some_and(|(_, outcome)| ["response", "error"].contains(&outcome)), "{path}");
    }
}

/// A guest that returns the event.
async fn echo() -> Service {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("echo.wasm");
    fs::write(&path, wat::parse_str(include_str!("echo.wat")).expect("a component")).expect("a file is written");
    let request = LoadRequest {
        handler: "echo".to_owned(),
        source: Source::File(path),
        policy: ArtifactPolicy::default(),
        capabilities: Capabilities::default(),
        init_limit: INIT_LIMIT,
        is_watched: false,
    };
    let (refresh_thread, timings) = (RefreshThread::default(), &mut PhaseTimings::start());
    let registry = Registry::load(&ENGINE, request, Arc::new(Silence), refresh_thread, timings).await.expect("a guest");
    Service::new(registry, FunctionInfo::default())
}

/// A Runtime API with one event.
struct Api {
    event: Option<Vec<u8>>,
    /// The paths that were posted to.
    posts: Vec<String>,
}

impl Api {
    /// One connection at a time: the host has no more than one that it waits on.
    async fn serve(&mut self, listener: TcpListener) {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            // Where the host hangs up there is nothing more to say.
            let _ = self.converse(&mut stream).await;
        }
    }

    async fn converse(&mut self, stream: &mut TcpStream) -> std::io::Result<()> {
        loop {
            let (first_line, length) = head(stream).await?;
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let response: &[u8] = match first_line.split_once(' ') {
                Some(("GET", _)) => match self.event.take() {
                    Some(event) => return stream.write_all(&event).await,
                    None => b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
                },
                _ => {
                    self.posts.push(first_line.split(' ').nth(1).unwrap_or_default().to_owned());
                    b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
                }
            };
            stream.write_all(response).await?;
        }
    }
}

/// The first line of a request, and the length of its body.
async fn head(stream: &mut TcpStream) -> std::io::Result<(String, usize)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let first_line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    Ok((first_line, length.unwrap_or(0)))
}

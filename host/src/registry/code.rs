//! Makes a guest's machine code from an artifact, after checking whether the artifact can be trusted.
//!
//! See docs/decisions/18-trusted-bytes.md.
//! See docs/decisions/19-machine-code-by-place.md.

use std::{borrow::Cow, path::Path, time::Instant};

use tracing::warn;

use super::request::LoadRequest;
use crate::{
    digest::Digest,
    engine::{self, Code, CompileLimits, Engine, LoadError},
    failure::{ErrorType, Failure},
    source::{Artifact, Blob, Content, Precompiled, untrusted, untrusted_without_key},
};

/// Returns the machine code of the guest: what was compiled ahead of time, if it matches, or else what is compiled now,
/// by `stop`. Signatures are checked before any byte is used, and the pinned digest before anything is compiled.
pub(super) async fn load(
    engine: &Engine,
    request: &LoadRequest,
    artifact: Artifact,
    stop: Instant,
) -> Result<Code, Failure> {
    let Artifact { content, signature, .. } = artifact;
    let wasm = match content {
        Content::Wasm(wasm) => {
            check_signature(request, &wasm, signature.as_deref())?;
            wasm
        }
        Content::MachineCode(image) => {
            // Machine code is only safe to run if a signature shows who wrote it.
            if !request.policy.trusted_keys.require_signatures() {
                return Err(untrusted_without_key(&request.source.to_string()));
            }
            check_signature(request, &image, signature.as_deref())?;
            let mapped = map(engine, request, Precompiled::in_memory(&image.bytes), None);
            let code = mapped.map_err(|rejected| rejected.into_failure(&request.handler))?;
            check_pin(request, code.source())?;
            return Ok(code);
        }
        Content::Precompiled(opened, wasm) => match (map(engine, request, opened, wasm.as_ref()), wasm) {
            (Ok(code), _) => {
                check_pin(request, code.source())?;
                return Ok(code);
            }
            (Err(rejected), None) => return Err(rejected.into_failure(&request.handler)),
            (Err(rejected), Some(wasm)) => {
                warn!(
                    "the guest `{}` is compiled now, because its `.cwasm` file can't be used: {}; compile it again with \
                     `guesthouse compile` of this version",
                    request.handler,
                    rejected.reason()
                );
                wasm
            }
        },
    };
    check_pin(request, wasm.digest)?;
    let limits = CompileLimits {
        time: stop.saturating_duration_since(Instant::now()),
        memory_bytes: compiler_bytes(request.capabilities.limits.function_memory_bytes),
    };
    let compiled = Code::compile(engine, wasm.bytes, wasm.digest, limits).await;
    compiled.map_err(|error| error.into_failure(&request.handler))
}

/// Returns how much memory the compiler may take, in bytes: what is left of the function's memory. The kernel would
/// kill a process that takes more.
fn compiler_bytes(function_memory_bytes: Option<u64>) -> u64 {
    match function_memory_bytes {
        Some(bytes) => bytes.saturating_sub(engine::resident_bytes()),
        None => CompileLimits::default().memory_bytes,
    }
}

/// Checks the signature if one is required. Artifacts in the task root need none: they are deployed with the host.
fn check_signature(request: &LoadRequest, artifact: &Blob, signature: Option<&str>) -> Result<(), Failure> {
    let keys = &request.policy.trusted_keys;
    if request.source.is_task_root() || !keys.require_signatures() {
        return Ok(());
    }
    keys.check(&artifact.bytes, signature).map_err(|reason| {
        let message = format!("the guest `{}`, `{}`, is not trusted: {reason}", request.handler, artifact.digest);
        Failure::new(ErrorType::Untrusted, message)
            .hint("sign it with the key that belongs to `GUESTHOUSE_TRUSTED_KEYS`, as `guesthouse push --key` does")
    })
}

/// Describes why a `.cwasm` file is not used.
enum PrecompiledRejected {
    /// It was made from another `.wasm` file, by another version or for another processor.
    Foreign(String),
    /// It can't be opened, or a guest could have written it.
    Unusable(Failure),
}

impl PrecompiledRejected {
    fn reason(&self) -> Cow<'_, str> {
        match self {
            Self::Foreign(reason) => Cow::Borrowed(reason),
            Self::Unusable(failure) => failure.reason(),
        }
    }

    fn into_failure(self, handler: &str) -> Failure {
        match self {
            Self::Foreign(reason) => LoadError::Foreign(reason).into_failure(handler),
            Self::Unusable(failure) => failure,
        }
    }
}

fn map(
    engine: &Engine,
    request: &LoadRequest,
    opened: Result<Precompiled, Failure>,
    wasm: Option<&Blob>,
) -> Result<Code, PrecompiledRejected> {
    let Precompiled { file, path } = opened.map_err(PrecompiledRejected::Unusable)?;
    let tmp = request.capabilities.grants.tmp.as_ref().map(|tmp| tmp.quota.directory());
    if tmp.is_some_and(|tmp| is_below(&path, tmp)) {
        return Err(PrecompiledRejected::Unusable(untrusted(&path.display().to_string(), "the guest can write there")));
    }
    let code = Code::map(engine, file).map_err(PrecompiledRejected::Foreign)?;
    match wasm.filter(|wasm| wasm.digest != code.source()) {
        Some(_) => {
            let reason = "it was made from another `.wasm` file than the one beside it".to_owned();
            Err(PrecompiledRejected::Foreign(reason))
        }
        None => Ok(code),
    }
}

/// Returns whether `path`, which has no symbolic links in it, is below the directory. Nothing below a directory that
/// can't be resolved could have been opened.
fn is_below(path: &Path, directory: &Path) -> bool {
    directory.canonicalize().is_ok_and(|directory| path.starts_with(directory))
}

fn check_pin(request: &LoadRequest, digest: Digest) -> Result<(), Failure> {
    let Some(pinned) = request.policy.digest.filter(|pinned| *pinned != digest) else { return Ok(()) };
    let message = format!("the guest `{}` is `{digest}`, but `{pinned}` is pinned", request.handler);
    Err(Failure::new(ErrorType::DigestMismatch, message)
        .hint("deploy the pinned artifact, or change `digest` in the settings"))
}

//! From an artifact to a guest's machine code.

use std::{path::Path, time::Instant};

use tracing::warn;

use super::LoadRequest;
use crate::{
    digest::Digest,
    engine::{self, Code, CompileLimits, Engine, LoadError},
    failure::{ErrorType, Failure},
    source::{Artifact, Blob, Content, Precompiled, untrusted, untrusted_without_key},
};

/// The machine code of the guest: that which was compiled ahead of time, where it is the right one, or else what is compiled now,
/// which is to be done by `stop`. What is not trusted is not touched, nor is what is not the pinned one compiled.
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
            // Without keys nothing says who wrote it.
            if !request.terms.trusted_keys.ask_for_signatures() {
                return Err(untrusted_without_key(&request.source.to_string()));
            }
            check_signature(request, &image, signature.as_deref())?;
            let mapped = map(engine, request, Precompiled::in_memory(&image.bytes), None);
            let code = mapped.map_err(|unfit| unfit.into_failure(&request.handler))?;
            check_pin(request, code.source())?;
            return Ok(code);
        }
        Content::Precompiled(opened, wasm) => match (map(engine, request, opened, wasm.as_ref()), wasm) {
            (Ok(code), _) => {
                check_pin(request, code.source())?;
                return Ok(code);
            }
            (Err(unfit), None) => return Err(unfit.into_failure(&request.handler)),
            (Err(unfit), Some(wasm)) => {
                warn!(
                    "the guest `{}` is compiled now, because its `.cwasm` file can't be used: {}; compile it again with `guesthouse \
                     compile` of this version",
                    request.handler,
                    unfit.reason()
                );
                wasm
            }
        },
    };
    check_pin(request, wasm.digest)?;
    let limits = CompileLimits {
        time: stop.saturating_duration_since(Instant::now()),
        memory_bytes: compiler_bytes(request.capabilities.function_memory_bytes),
    };
    let compiled = Code::compile(engine, wasm.bytes, wasm.digest, limits).await;
    compiled.map_err(|error| error.into_failure(&request.handler))
}

/// What the compiler may have, in bytes: what is left of the function's memory. The kernel ends who takes more.
fn compiler_bytes(function_memory_bytes: Option<u64>) -> u64 {
    match function_memory_bytes {
        Some(bytes) => bytes.saturating_sub(engine::resident_bytes()),
        None => CompileLimits::default().memory_bytes,
    }
}

/// What comes from the task root is deployed with the host, and trusted as it is.
fn check_signature(request: &LoadRequest, artifact: &Blob, signature: Option<&str>) -> Result<(), Failure> {
    let keys = &request.terms.trusted_keys;
    if request.source.is_task_root() || !keys.ask_for_signatures() {
        return Ok(());
    }
    keys.check(&artifact.bytes, signature).map_err(|reason| {
        let message = format!("the guest `{}`, `{}`, is not trusted: {reason}", request.handler, artifact.digest);
        Failure::new(ErrorType::Untrusted, message)
            .hint("sign it with the key that belongs to `GUESTHOUSE_TRUSTED_KEYS`, as `guesthouse push --key` does")
    })
}

/// Why a `.cwasm` file is not used.
enum Unfit {
    /// It was made from another `.wasm` file, by another version or for another processor.
    Foreign(String),
    /// It can't be opened, or a guest could have written it.
    Refused(Failure),
}

impl Unfit {
    fn reason(&self) -> &str {
        match self {
            Self::Foreign(reason) => reason,
            Self::Refused(failure) => failure.message.lines().next().unwrap_or_default(),
        }
    }

    fn into_failure(self, handler: &str) -> Failure {
        match self {
            Self::Foreign(reason) => LoadError::Foreign(reason).into_failure(handler),
            Self::Refused(failure) => failure,
        }
    }
}

fn map(
    engine: &Engine,
    request: &LoadRequest,
    opened: Result<Precompiled, Failure>,
    wasm: Option<&Blob>,
) -> Result<Code, Unfit> {
    let Precompiled { file, path } = opened.map_err(Unfit::Refused)?;
    let tmp = request.capabilities.tmp.as_ref().map(|tmp| tmp.quota.folder());
    if tmp.is_some_and(|tmp| is_below(&path, tmp)) {
        return Err(Unfit::Refused(untrusted(&path.display().to_string(), "the guest can write there")));
    }
    let code = Code::map(engine, file).map_err(Unfit::Foreign)?;
    match wasm.filter(|wasm| wasm.digest != code.source()) {
        Some(_) => Err(Unfit::Foreign("it was made from another `.wasm` file than the one beside it".to_owned())),
        None => Ok(code),
    }
}

/// `path` has no symbolic links in it. A folder that can't be looked at has nothing below it that could be opened.
fn is_below(path: &Path, folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| path.starts_with(folder))
}

fn check_pin(request: &LoadRequest, digest: Digest) -> Result<(), Failure> {
    let Some(pinned) = request.terms.digest.filter(|pinned| *pinned != digest) else { return Ok(()) };
    let message = format!("the guest `{}` is `{digest}`, but `{pinned}` is pinned", request.handler);
    Err(Failure::new(ErrorType::DigestMismatch, message)
        .hint("deploy the pinned artifact, or change `digest` in the settings"))
}

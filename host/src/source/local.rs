//! This module fetches guests from files: in the task root, and elsewhere on this machine.
//!
//! See docs/decisions/15-unchanged.md.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    artifact::{Blob, Content, FetchOutcome, Precompiled, Revision, Validator},
    errors::{REPLACE_BY_RENAME, too_large, untrusted_without_key},
    file_names::{CWASM, SIGNATURE_LIMIT_BYTES, SIGNATURE_SUFFIX, WASM, has_extension},
    options::FetchOptions,
    task_root::TaskRoot,
};
use crate::{
    failure::{ErrorType, Failure},
    files,
};

/// The maximum number of times that a file is read, if it changes during each read.
const MAX_READS: u32 = 5;

/// The pause before a file that changed during a read is read again.
const READ_INTERVAL: Duration = Duration::from_millis(50);

/// Fetches a guest from the task root.
pub(super) async fn fetch_from_task_root(
    root: &TaskRoot,
    path: &Path,
    known: Option<&Revision>,
    options: &FetchOptions,
) -> Result<FetchOutcome, Failure> {
    match has_extension(path, CWASM) {
        true => fetch_precompiled(root, path, known, options).await,
        false => fetch_wasm(root, path, known).await,
    }
}

/// Fetches a file of the task root that is not a `.cwasm` file.
async fn fetch_wasm(root: &TaskRoot, path: &Path, known: Option<&Revision>) -> Result<FetchOutcome, Failure> {
    let unreadable = |error: &io::Error| unreadable_in(root, path, error);
    // At the start there is nothing to compare with, and the file is opened only once.
    if let Some(known) = known {
        let opened = root.open_file(path).map_err(|error| unreadable(&error))?;
        if known.matches(&Revision::of(validator(opened.as_ref()))) {
            return Ok(FetchOutcome::NotModified);
        }
    }
    let read = read_stable(|| root.open_file(path), files::GUEST_LIMIT_BYTES).await;
    let (bytes, artifact) = read.map_err(|error| unreadable(&error))?;
    Ok(FetchOutcome::fetched(Content::Wasm(Blob::new(bytes)), Revision::of(artifact), None))
}

/// Fetches a `.cwasm` file of the task root, and the `.wasm` file beside it.
async fn fetch_precompiled(
    root: &TaskRoot,
    path: &Path,
    known: Option<&Revision>,
    options: &FetchOptions,
) -> Result<FetchOutcome, Failure> {
    let wasm = path.with_extension(WASM);
    let precompiled = root.open_file(path);
    let validator_of = |opened: &io::Result<Option<File>>| validator(opened.as_ref().ok().and_then(Option::as_ref));
    let artifact = validator_of(&precompiled);
    if let Some(known) = known {
        let companion = Some(validator_of(&root.open_file(&wasm)));
        if known.matches(&Revision { companion, ..Revision::of(artifact.clone()) }) {
            return Ok(FetchOutcome::NotModified);
        }
    }
    let beside = read_stable(|| root.open_file(&wasm), files::GUEST_LIMIT_BYTES).await;
    let companion = beside.as_ref().map_or(Validator::Missing, |(_, validator)| validator.clone());
    let revision = Revision { companion: Some(companion), ..Revision::of(artifact) };
    let blob = beside.map(|(bytes, _)| Blob::new(bytes));
    let precompiled = precompiled.transpose().map(|opened| {
        let opened = opened.and_then(Precompiled::new);
        let precompiled = opened.map_err(|error| unreadable_in(root, path, &error))?;
        if options.snapshot { precompiled.snapshot() } else { Ok(precompiled) }
    });
    let content = match (blob, precompiled) {
        (Ok(blob), None) => Content::Wasm(blob),
        (Ok(blob), Some(precompiled)) => Content::Precompiled(precompiled, Some(blob)),
        (Err(_), Some(precompiled)) => Content::Precompiled(precompiled, None),
        (Err(error), None) => return Err(unreadable_in(root, &wasm, &error)),
    };
    Ok(FetchOutcome::fetched(content, revision, None))
}

/// Fetches a guest from a file outside the task root, and its signature.
pub(super) async fn fetch_file(
    path: &Path,
    known: Option<&Revision>,
    options: &FetchOptions,
) -> Result<FetchOutcome, Failure> {
    if has_extension(path, CWASM) && !options.signature {
        return Err(untrusted_without_key(&path.display().to_string()));
    }
    let reference = format!("file://{}", path.display());
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(&reference, options.limit_bytes),
        io::ErrorKind::WouldBlock => failure(&reference, error).hint(REPLACE_BY_RENAME),
        _ => failure(&reference, error).hint("check the path, and that the file is readable for all users"),
    };
    let signature_path = PathBuf::from(format!("{}{SIGNATURE_SUFFIX}", path.display()));
    let artifact = validator(open(path).map_err(|error| unreadable(&error))?.as_ref());
    let companion = Some(validator(open(&signature_path).ok().flatten().as_ref()));
    let now = Revision { companion, ..Revision::of(artifact) };
    if known.is_some_and(|known| known.matches(&now)) {
        return Ok(FetchOutcome::NotModified);
    }
    let (bytes, artifact) = match read_stable(|| open(path), options.limit_bytes).await {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Ok(FetchOutcome::rejected(now, unreadable(&error)));
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let signature = match options.signature {
        true => read_stable(|| open(&signature_path), SIGNATURE_LIMIT_BYTES).await.ok(),
        false => None,
    };
    let signature = signature.and_then(|(bytes, _)| String::from_utf8(bytes).ok());
    Ok(FetchOutcome::fetched(Content::from_bytes(bytes), Revision { artifact, ..now }, signature))
}

/// Opens a file. Returns `None` if there is no such file.
fn open(path: &Path) -> io::Result<Option<File>> {
    match files::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn validator(file: Option<&File>) -> Validator {
    file.and_then(|file| Validator::of(file).ok()).unwrap_or(Validator::Missing)
}

/// Reads a whole file as it was at one moment. If the file changes during the read, it is opened and read again.
///
/// # Errors
/// `NotFound` if `open` returns no file; `WouldBlock` if the file changes during every read; otherwise those of
/// [`files::read_from`].
async fn read_stable(
    open: impl Fn() -> io::Result<Option<File>>,
    limit_bytes: u64,
) -> io::Result<(Vec<u8>, Validator)> {
    for _ in 0..MAX_READS {
        let file = open()?.ok_or(io::ErrorKind::NotFound)?;
        let before = Validator::of(&file)?;
        let bytes = files::read_from(&file, limit_bytes)?;
        if Validator::of(&file)? == before {
            return Ok((bytes, before));
        }
        tokio::time::sleep(READ_INTERVAL).await;
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "it is being written"))
}

/// Returns the failure of a guest in the task root that can't be read. The hint lists the guests there are.
fn unreadable_in(root: &TaskRoot, path: &Path, error: &io::Error) -> Failure {
    let shown = root.path().join(path).display().to_string();
    let failure = failure(&shown, error);
    if error.kind() == io::ErrorKind::WouldBlock {
        return failure.hint(REPLACE_BY_RENAME);
    }
    // The handler's value already had an extension, and a second one was added.
    match [".wasm.wasm", ".cwasm.wasm"].iter().any(|twice| shown.ends_with(twice)) {
        true => failure.hint(format!("name it without its ending: {}", root.describe_guests())),
        false => failure.hint(root.describe_guests()),
    }
}

fn failure(shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{shown}`")),
        // `cap-std` refuses a link that leads out of the task root with this error.
        io::ErrorKind::PermissionDenied => {
            Failure::new(ErrorType::GuestNotFound, format!("the guest `{shown}` can't be opened: {error}"))
        }
        _ => Failure::new(ErrorType::SourceUnavailable, format!("the guest `{shown}` can't be read: {error}")),
    }
}

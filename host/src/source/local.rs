//! Guests in files: in the task root, and anywhere else.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    CWASM, Look, TaskRoot, WASM, Wanted,
    artifact::{Artifact, Blob, Content, Mark, Precompiled, Version},
    too_large, untrusted_without_key,
};
use crate::{
    failure::{ErrorType, Failure},
    files,
};

/// The ending of a file with a signature, behind the other one.
pub(super) const SIGNATURE: &str = ".minisig";

/// No signature is longer, in bytes.
pub(super) const SIGNATURE_LIMIT_BYTES: u64 = 16 * 1024;

/// What whoever writes files had better do.
const RENAME: &str = "write it beside its place and rename it";

/// How often a file is read that is being written meanwhile, and how long it is waited for.
const READS: u32 = 5;
const BETWEEN_READS: Duration = Duration::from_millis(50);

/// Looks at a guest in the task root.
pub(super) async fn look_in(
    root: &TaskRoot,
    path: &Path,
    known: Option<&Version>,
    wanted: &Wanted,
) -> Result<Look, Failure> {
    let open = |path: &Path| root.open_file(path);
    let unreadable = |path: &Path, error: &io::Error| unreadable_in(root, path, error);
    if !has_ending(path, CWASM) {
        // At the start there is nothing to compare with, and the file is opened only once.
        if let Some(known) = known {
            let opened = open(path).map_err(|error| unreadable(path, &error))?;
            if known.is_still(&Version { artifact: mark(opened.as_ref()), companion: None, awaited: None }) {
                return Ok(Look::Unchanged);
            }
        }
        let (bytes, artifact) =
            read_whole(|| open(path), files::GUEST_LIMIT_BYTES).await.map_err(|error| unreadable(path, &error))?;
        let version = Version { artifact, companion: None, awaited: None };
        return Ok(Look::Found(Box::new(Artifact {
            content: Content::Wasm(Blob::new(bytes)),
            version,
            signature: None,
        })));
    }
    let wasm = path.with_extension(WASM);
    let precompiled = open(path);
    let of = |opened: &io::Result<Option<File>>| mark(opened.as_ref().ok().and_then(Option::as_ref));
    let artifact = of(&precompiled);
    if let Some(known) = known {
        let now = Version { artifact: artifact.clone(), companion: Some(of(&open(&wasm))), awaited: None };
        if known.is_still(&now) {
            return Ok(Look::Unchanged);
        }
    }
    let beside = read_whole(|| open(&wasm), files::GUEST_LIMIT_BYTES).await;
    let companion = beside.as_ref().map_or(Mark::Missing, |(_, mark)| mark.clone());
    let version = Version { artifact, companion: Some(companion), awaited: None };
    let blob = beside.map(|(bytes, _)| Blob::new(bytes));
    let precompiled = precompiled.transpose().map(|opened| {
        let precompiled = opened.and_then(Precompiled::new).map_err(|error| unreadable(path, &error))?;
        if wanted.apart { precompiled.apart() } else { Ok(precompiled) }
    });
    let content = match (blob, precompiled) {
        (Ok(blob), None) => Content::Wasm(blob),
        (Ok(blob), Some(precompiled)) => Content::Precompiled(precompiled, Some(blob)),
        (Err(_), Some(precompiled)) => Content::Precompiled(precompiled, None),
        (Err(error), None) => return Err(unreadable(&wasm, &error)),
    };
    Ok(Look::Found(Box::new(Artifact { content, version, signature: None })))
}

/// Looks at a guest in a file anywhere.
pub(super) async fn look_at(path: &Path, known: Option<&Version>, wanted: &Wanted) -> Result<Look, Failure> {
    if has_ending(path, CWASM) && !wanted.signature {
        return Err(untrusted_without_key(&path.display().to_string()));
    }
    let signature_path = PathBuf::from(format!("{}{SIGNATURE}", path.display()));
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(&format!("file://{}", path.display()), wanted.limit_bytes),
        io::ErrorKind::WouldBlock => failure(&format!("file://{}", path.display()), error).hint(RENAME),
        _ => failure(&format!("file://{}", path.display()), error)
            .hint("check the path, and that the file is readable for all users"),
    };
    let open = || open(path);
    let now = Version {
        artifact: mark(open().map_err(|error| unreadable(&error))?.as_ref()),
        companion: Some(mark(self::open(&signature_path).ok().flatten().as_ref())),
        awaited: None,
    };
    if known.is_some_and(|known| known.is_still(&now)) {
        return Ok(Look::Unchanged);
    }
    let (bytes, artifact) = match read_whole(open, wanted.limit_bytes).await {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Ok(Look::Refused(Box::new(now), Box::new(unreadable(&error))));
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let signature = match wanted.signature {
        true => read_whole(|| self::open(&signature_path), SIGNATURE_LIMIT_BYTES).await.ok(),
        false => None,
    };
    let signature = signature.and_then(|(bytes, _)| String::from_utf8(bytes).ok());
    let version = Version { artifact, companion: now.companion, awaited: None };
    Ok(Look::Found(Box::new(Artifact { content: Content::fetched(bytes), version, signature })))
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match files::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn mark(file: Option<&File>) -> Mark {
    file.and_then(|file| Mark::of(file).ok()).unwrap_or(Mark::Missing)
}

/// All of a file, as it was at one moment: one that is written to meanwhile is read again.
async fn read_whole(open: impl Fn() -> io::Result<Option<File>>, limit_bytes: u64) -> io::Result<(Vec<u8>, Mark)> {
    for _ in 0..READS {
        let file = open()?.ok_or(io::ErrorKind::NotFound)?;
        let before = Mark::of(&file)?;
        let bytes = files::read_from(&file, limit_bytes)?;
        if Mark::of(&file)? == before {
            return Ok((bytes, before));
        }
        tokio::time::sleep(BETWEEN_READS).await;
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "it is being written"))
}

pub(super) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension == ending)
}

fn unreadable_in(root: &TaskRoot, path: &Path, error: &io::Error) -> Failure {
    let shown = root.path().join(path).display().to_string();
    let failure = failure(&shown, error);
    if error.kind() == io::ErrorKind::WouldBlock {
        return failure.hint(RENAME);
    }
    // The name was given with its ending, to which another was added.
    match [".wasm.wasm", ".cwasm.wasm"].iter().any(|twice| shown.ends_with(twice)) {
        true => failure.hint(format!("name it without its ending: {}", root.say_guests())),
        false => failure.hint(root.say_guests()),
    }
}

fn failure(shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(ErrorType::GuestNotFound, format!("no such guest: `{shown}`")),
        // This is how `cap-std` refuses a link that leads out.
        io::ErrorKind::PermissionDenied => {
            Failure::new(ErrorType::GuestNotFound, format!("the guest `{shown}` can't be opened: {error}"))
        }
        _ => Failure::new(ErrorType::SourceUnavailable, format!("the guest `{shown}` can't be read: {error}")),
    }
}

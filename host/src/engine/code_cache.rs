//! This module keeps compiled guests for the commands that run them on a developer's machine, where the same file is
//! run again and again. `bootstrap` keeps nothing.
//!
//! The files are machine code, which can do anything. They are in a directory of the user's own, which guests don't
//! see.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Seek as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use crate::digest::Digest;

/// How long a file stays that nobody uses.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The maximum size of all files, in bytes. Those that were not used for the longest time go first.
const MOST_BYTES: u64 = 4 << 30;

#[derive(Debug)]
pub(super) struct CodeCache {
    directory: PathBuf,
}

impl CodeCache {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the file with the code of the guest with this digest, if it is there and nobody else can have written
    /// it. Whether it fits is not known.
    pub(super) fn find(&self, source: Digest) -> Option<File> {
        let file = File::open(self.place(source)).ok()?;
        let metadata = file.metadata().ok()?;
        let is_own = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
        // It is used now. A directory that can't be written to is as good.
        let _ = file.set_modified(SystemTime::now());
        is_own.then_some(file)
    }

    /// Keeps the code of the guest with this digest.
    ///
    /// # Errors
    /// Fails if it can't be written, which harms nobody.
    pub(super) fn keep(&self, source: Digest, mut built: &File) -> io::Result<()> {
        // Two threads may compile the same guest.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        self.make_room()?;
        // A file that others map must not change, so it appears as a whole.
        let place = self.place(source);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = place.with_extension(format!("{}-{number}.part", std::process::id()));
        let _ = fs::remove_file(&unfinished);
        built.rewind()?;
        let created = File::options().write(true).create_new(true).mode(0o600).open(&unfinished);
        let written = created.and_then(|mut file| io::copy(&mut built.by_ref(), &mut file));
        if let Err(error) = written.and_then(|_| fs::rename(&unfinished, &place)) {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        Ok(())
    }

    fn place(&self, source: Digest) -> PathBuf {
        self.directory.join(source.to_string().replace(':', "-")).with_extension("cwasm")
    }

    /// Removes what nobody uses, and what is too much. Another process may do the same.
    fn make_room(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory)?.flatten() {
            let Ok(metadata) = entry.path().symlink_metadata() else { continue };
            if let (true, Ok(used)) = (metadata.is_file(), metadata.modified()) {
                files.push((used, metadata.len(), entry.path()));
            }
        }
        files.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
        let mut total = 0;
        for (used, bytes, path) in files {
            total += bytes;
            if total > MOST_BYTES || used.elapsed().is_ok_and(|age| age > UNUSED) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(file: Option<File>) -> Option<String> {
        file.map(|file| io::read_to_string(file).unwrap())
    }

    #[test]
    fn what_was_kept_is_found_by_its_digest_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path().join("not/there/yet"));
        let [one, other] = [b"one", b"two"].map(|bytes| Digest::of(bytes));
        assert!(cache.find(one).is_none());
        let mut built = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut built, b"code").unwrap();
        cache.keep(one, &built).unwrap();
        assert_eq!(text_of(cache.find(one)).as_deref(), Some("code"));
        assert!(cache.find(other).is_none());
    }

    /// Code is native, and can do anything.
    #[test]
    fn what_somebody_else_may_have_written_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path().to_owned());
        let source = Digest::of(b"guest");
        fs::write(cache.place(source), "code").unwrap();
        fs::set_permissions(cache.place(source), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(cache.find(source).is_none());
        cache.keep(source, &tempfile::tempfile().unwrap()).unwrap();
        assert!(cache.find(source).is_some());
    }

    #[test]
    fn what_nobody_has_used_for_long_goes() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(directory.path().to_owned());
        let [used, unused, new] = [b"a", b"b", b"c"].map(|bytes| Digest::of(bytes));
        for digest in [used, unused] {
            cache.keep(digest, &tempfile::tempfile().unwrap()).unwrap();
        }
        for digest in [used, unused] {
            let file = File::options().write(true).open(cache.place(digest)).unwrap();
            file.set_modified(SystemTime::now() - 2 * UNUSED).unwrap();
        }
        assert!(cache.find(used).is_some());
        cache.keep(new, &tempfile::tempfile().unwrap()).unwrap();
        assert!(cache.find(used).is_some() && cache.find(new).is_some() && cache.find(unused).is_none());
    }
}

//! This module keeps the SDKs that build functions which have none of their own.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use guesthouse::{digest::Digest, files};

use super::{Language, SDK, Template, new, templates};
use crate::cache;

/// A directory in the user's cache, with a project of one language. Its name has the digest of its files, so that each
/// version of the tool has its own.
pub struct Toolbox {
    language: Language,
    directory: PathBuf,
}

impl Toolbox {
    pub fn of(language: Language) -> anyhow::Result<Self> {
        let cache = cache::directory()
            .context("there is no directory for what is kept\nhint: set `HOME` or `XDG_CACHE_HOME`")?;
        let mut all = String::new();
        for (path, text) in templates::project(language, Template::Event).into_iter().flatten() {
            all.extend([path, &*text]);
        }
        for (path, text) in templates::sdk(language) {
            all.extend([*path, *text]);
        }
        let digest = Digest::of(all.as_bytes()).short();
        let name = format!("{}-{digest}", language.to_string().to_lowercase());
        Ok(Self { language, directory: cache.join("tools").join(name) })
    }

    /// Returns the directory. If it is not there, writes the SDK, has `install` add what it needs, and says so.
    pub fn filled(self, what: &str, install: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
        let Self { language, directory } = self;
        let done = directory.join(".complete");
        // After an upgrade of Python, an environment names one that is gone.
        let is_filled =
            || done.exists() && (language != Language::Python || directory.join(".venv/bin/python").exists());
        if is_filled() {
            return Ok(directory);
        }
        // Two builds may begin at once. The lock ends with the file.
        let parent = directory.parent().unwrap_or(&directory);
        let unlocked = || format!("can't lock `{}`", parent.display());
        DirBuilder::new().recursive(true).mode(0o700).create(parent).with_context(unlocked)?;
        let lock = fs::File::create(directory.with_extension("lock")).with_context(unlocked)?;
        lock.lock().with_context(unlocked)?;
        if is_filled() {
            return Ok(directory);
        }
        println!("installing {what} into `{}`", directory.display());
        // Python's environments contain their own path, so that nothing can be moved into place afterwards.
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("can't remove `{}`", directory.display()))?;
        }
        new::write_project(language, Template::Event, &directory, SDK)?;
        install(&directory)?;
        fs::write(&done, "").with_context(|| format!("can't write `{}`", done.display()))?;
        Ok(directory)
    }
}

/// Keeps track of what was installed by a file of requirements, to install it again only when the file has changed.
pub struct Installed {
    wanted: Option<String>,
    noted: PathBuf,
}

impl Installed {
    pub fn new(wanted: &Path, noted: PathBuf) -> Self {
        Self { wanted: files::read_text(wanted).ok(), noted }
    }

    pub fn is_current(&self) -> bool {
        self.wanted.is_some() && files::read_text(&self.noted).ok() == self.wanted
    }

    pub fn note(&self) -> anyhow::Result<()> {
        let text = self.wanted.as_deref().unwrap_or_default();
        fs::write(&self.noted, text).with_context(|| format!("can't write `{}`", self.noted.display()))
    }
}

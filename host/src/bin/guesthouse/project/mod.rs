//! This module handles a guest's project: a directory with its source, which `guesthouse new` writes and
//! `guesthouse build` builds.

pub mod build;
mod go_build;
mod go_modules;
mod go_overlay;
mod go_stand_in;
pub mod new;
mod templates;
mod tools;

use std::{fmt, fs, path::Path};

use clap::ValueEnum;

/// Lists the languages that have an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Rust,
    Go,
    Js,
    Ts,
    Python,
    C,
}

impl Language {
    /// All languages, in the order in which a project is checked for them: a project in TypeScript has a
    /// `package.json`, too.
    const ALL: [Self; 6] = [Self::Rust, Self::Go, Self::Ts, Self::Js, Self::Python, Self::C];

    /// Returns the file that identifies a project of this language.
    fn marker(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Go => "go.mod",
            Self::Js => "package.json",
            Self::Ts => "tsconfig.json",
            Self::Python => "app.py",
            Self::C => "Makefile",
        }
    }

    fn of_project(directory: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|language| {
            directory.join(language.marker()).is_file() || *language == Self::Go && has_sources_of_go(directory)
        })
    }
}

/// Returns whether files in Go are in the directory. Their module may be that of a directory above, or none.
fn has_sources_of_go(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.extension().is_some_and(|ending| ending == "go") && path.is_file())
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::Js => "JavaScript",
            Self::Ts => "TypeScript",
            Self::Python => "Python",
            Self::C => "C",
        })
    }
}

/// The directory of a project that contains its copy of the SDK.
const SDK: &str = "guesthouse";

//! A guest's project: a folder with its source, as `guesthouse new` writes it and `guesthouse build` builds it.

pub mod build;
pub mod new;
mod templates;

use std::{fmt, path::Path};

use clap::ValueEnum;

/// The languages that there is an SDK for.
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
    /// In the order in which a project is looked at: one in TypeScript has a `package.json`, too.
    const ALL: [Self; 6] = [Self::Rust, Self::Go, Self::Ts, Self::Js, Self::Python, Self::C];

    /// The file by which a project's language is told.
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

    fn of_project(folder: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|language| folder.join(language.marker()).is_file())
    }
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

/// Where a project has its copy of the SDK.
const SDK: &str = "guesthouse";

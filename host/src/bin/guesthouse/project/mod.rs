//! This module handles a guest's project: a directory with its source, which `guesthouse new` writes and
//! `guesthouse build` builds.

mod adopt;
pub mod build;
mod entries;
mod go_build;
mod go_modules;
mod go_overlay;
mod go_stand_in;
mod javascript;
mod moved_rust;
pub mod new;
mod python;
mod templates;
mod toolbox;
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

/// Lists what a new project can be a handler of. Each has samples in some languages: `templates.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// Events of any kind: JSON in, JSON out
    Event,
    /// HTTP requests, from API Gateway, a Function URL, a load balancer or VPC Lattice
    Http,
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
        let files = files_in(directory);
        let has = |endings: &[&str]| files.iter().any(|file| endings.iter().any(|end| file.ends_with(end)));
        // A function in Python often has a `Makefile`, or a `package.json` of the tool that deploys it.
        let is_anothers = |language: Self| {
            let own: &[&str] = match language {
                Self::C => &[".c", ".h"],
                Self::Js => &[".js", ".mjs", ".cjs"],
                _ => return false,
            };
            has(&[".py"]) && !has(own)
        };
        let marked = Self::ALL
            .into_iter()
            .find(|&language| directory.join(language.marker()).is_file() && !is_anothers(language));
        // A function for Lambda's own runtimes may be no more than a file.
        marked.or_else(|| {
            [
                (Self::Go, &[".go"][..]),
                (Self::Ts, &[".ts", ".mts"]),
                (Self::Js, &[".js", ".mjs", ".cjs"]),
                (Self::Python, &[".py"]),
            ]
            .into_iter()
            .find_map(|(language, endings)| has(endings).then_some(language))
        })
    }
}

/// Returns the names of the files in a directory, and those in `src`.
fn files_in(directory: &Path) -> Vec<String> {
    let names = |directory: &Path| {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    names(directory).into_iter().chain(names(&directory.join("src"))).collect()
}

/// A function to build: its project's directory, the file to write, and the handler that was asked for.
struct Function<'a> {
    directory: &'a Path,
    guest: &'a Path,
    handler: Option<&'a str>,
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

//! Collects what is wrong with a configuration.

use std::fmt::Display;

use crate::{
    failure::{ErrorType, Failure},
    text::most_similar,
};

/// Returns `; did you mean …?` with the candidate that is most similar to `word`, or nothing if none is similar enough.
pub(super) fn suggestion<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    most_similar(word, candidates).map(|candidate| format!("; did you mean `{candidate}`?")).unwrap_or_default()
}

/// Collects the problems of a configuration, so that all of them are reported together.
#[derive(Debug, Default)]
pub(super) struct Problems {
    lines: Vec<String>,
    hints: Vec<String>,
}

impl Problems {
    pub(super) fn add(&mut self, problem: impl Display) {
        self.lines.push(problem.to_string());
    }

    /// Adds a failure from elsewhere. Its hint is printed after all problems.
    pub(super) fn add_failure(&mut self, failure: &Failure) {
        self.lines.push(failure.reason().into_owned());
        self.hints.extend(failure.hint.clone());
    }

    /// Returns whether nothing is wrong.
    pub(super) fn are_none(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns all problems as one failure.
    pub(super) fn into_failure(mut self) -> Failure {
        if self.hints.is_empty() {
            self.hints.push("see `docs/configuration.md` of Guesthouse for all keys, variables and values".to_owned());
        }
        Failure::new(ErrorType::Config, self.lines.join("\n")).hint(self.hints.join("; "))
    }
}

/// Returns the strings of an array. `None` if it holds anything else.
pub(super) fn texts(values: &[toml::Value]) -> Option<Vec<String>> {
    values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

//! This module says what a function that was written for `lambda_runtime` has to have in its `Cargo.toml` instead.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::SDK;

/// The crate that the SDK stands in for, and the one that uses it.
const RUNTIME: &str = "lambda_runtime";
const HTTP: &str = "lambda_http";

/// What tokio has where there are no threads.
const TOKIO: [&str; 5] = ["io-util", "macros", "rt", "sync", "time"];

/// What axum has by default, but for what serves sockets.
const AXUM: [&str; 7] = ["form", "json", "matched-path", "original-uri", "query", "tower-log", "tracing"];

/// Returns whether this `Cargo.toml` names a crate in the project's copy of the SDK.
pub fn wants_sdk(manifest: &str) -> bool {
    let paths = manifest.split("path").skip(1).map(|rest| rest.trim_start_matches([' ', '=']));
    paths.filter_map(|rest| rest.strip_prefix('"')).any(|path| path.starts_with(SDK))
}

/// Returns what is to stand in `Cargo.toml` instead of the lines of the same names, if anything is. `metadata` is what
/// cargo says about the project.
pub fn replacements(metadata: &Value, manifest: &Path, text: &str) -> Option<String> {
    let packages = metadata["packages"].as_array()?;
    let package = packages.iter().find(|package| package["manifest_path"].as_str().map(Path::new) == Some(manifest))?;
    let used: Vec<Dependency<'_>> = package["dependencies"].as_array()?.iter().filter_map(Dependency::new).collect();
    let is_moved = used.iter().any(|used| [RUNTIME, HTTP].contains(&used.name));
    let is_patched = text.split("[patch.crates-io").skip(1).any(|patch| patch.contains(RUNTIME));
    let lines: Vec<String> = used.iter().filter_map(|used| used.replacement(is_moved, is_patched)).collect();
    let wants_patch = !is_patched && used.iter().any(|used| used.name == HTTP && used.is_published);
    let path = format!("{RUNTIME} = {{ path = \"{SDK}/{RUNTIME}\" }}");
    let patch = wants_patch.then(|| format!("\n[patch.crates-io]\n{path}"));
    let lines: Vec<String> = lines.into_iter().chain(patch).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A crate that the project uses.
struct Dependency<'a> {
    /// Its name in the registry.
    name: &'a str,
    /// The versions that the project takes.
    versions: &'a str,
    features: Vec<&'a str>,
    /// Whether its default features are taken, too.
    has_defaults: bool,
    is_published: bool,
}

impl<'a> Dependency<'a> {
    fn new(described: &'a Value) -> Option<Self> {
        // Those for tests and build scripts have a kind, and those for other machines a target.
        (described["kind"].is_null() && described["target"].is_null()).then_some(())?;
        Some(Self {
            name: described["name"].as_str()?,
            versions: described["req"].as_str().unwrap_or_default(),
            features: described["features"].as_array()?.iter().filter_map(Value::as_str).collect(),
            has_defaults: described["uses_default_features"] != false,
            is_published: described["source"].is_string(),
        })
    }

    /// Returns the line that is to stand in its place.
    fn replacement(&self, is_moved: bool, is_patched: bool) -> Option<String> {
        let name = self.name;
        if !self.is_published {
            return None;
        }
        let stand_in = |directory: &str| match name == directory {
            true => format!("path = \"{SDK}/{directory}\""),
            false => format!("package = \"{directory}\", path = \"{SDK}/{name}\""),
        };
        match name {
            RUNTIME if !is_patched || self.is_old() => Some(self.line(&stand_in(RUNTIME), &self.features, true)),
            HTTP if self.is_old() => Some(self.line("version = \"1\"", &self.features, true)),
            "tokio" if is_moved => Some(self.line(&stand_in("guesthouse-tokio"), &self.features, true)),
            "tokio" => {
                let known: BTreeSet<&str> = match self.features.contains(&"full") {
                    true => TOKIO.into(),
                    false => self.features.iter().copied().filter(|feature| TOKIO.contains(feature)).collect(),
                };
                let known: Vec<&str> = known.into_iter().collect();
                let is_refused = |feature: &&str| {
                    ["fs", "full", "io-std", "net", "process", "rt-multi-thread", "signal"].contains(feature)
                };
                let line = || self.line(&self.version(), &known, true);
                self.features.iter().any(is_refused).then(line)
            }
            "aws-config" if is_moved => Some(self.line(&stand_in("guesthouse-aws-config"), &self.features, true)),
            "axum" if is_moved && self.has_defaults => {
                let features: BTreeSet<&str> = AXUM.into_iter().chain(self.features.iter().copied()).collect();
                Some(self.line(&self.version(), &features.into_iter().collect::<Vec<_>>(), false))
            }
            _ if name.starts_with("aws-sdk-") && self.has_defaults => {
                Some(self.line(&self.version(), &self.features, false))
            }
            _ => None,
        }
    }

    /// Returns whether it is of before version 1, for which there is no stand-in.
    fn is_old(&self) -> bool {
        self.versions.trim_start_matches(['^', '~', '=', '>', ' ']).starts_with("0.")
    }

    /// Returns the versions as they were written.
    fn version(&self) -> String {
        format!("version = \"{}\"", self.versions.trim_start_matches('^'))
    }

    fn line(&self, source: &str, features: &[&str], with_defaults: bool) -> String {
        let has_defaults = self.has_defaults && with_defaults;
        let defaults = if has_defaults { "" } else { ", default-features = false" };
        let features = match features {
            [] => String::new(),
            features => format!(", features = {features:?}"),
        };
        format!("{} = {{ {source}{defaults}{features} }}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is to be written for a project with these crates: a name, versions, features.
    fn told(dependencies: &[(&str, &str, &[&str])], text: &str) -> Option<String> {
        let described = |(name, versions, features): &(&str, &str, &[&str])| {
            let source = (*versions != "*").then_some("registry");
            json!({
                "name": name, "req": versions, "features": features, "source": source,
                "kind": null, "uses_default_features": true,
            })
        };
        let described: Vec<Value> = dependencies.iter().map(described).collect();
        let metadata = json!({"packages": [{"manifest_path": "/p/Cargo.toml", "dependencies": described}]});
        replacements(&metadata, Path::new("/p/Cargo.toml"), text)
    }

    #[test]
    fn a_function_for_lambda_is_told_each_line() {
        let function: &[(&str, &str, &[&str])] = &[
            ("lambda_runtime", "^0.13.0", &["anyhow"]),
            ("tokio", "^1", &["macros", "rt-multi-thread"]),
            ("aws-config", "^1.0.1", &[]),
            ("aws-sdk-s3", "^1.4.0", &["behavior-version-latest"]),
            ("axum", "^0.8", &["macros"]),
            ("serde", "^1", &["derive"]),
        ];
        let lines = [
            r#"lambda_runtime = { path = "guesthouse/lambda_runtime", features = ["anyhow"] }"#,
            r#"tokio = { package = "guesthouse-tokio", path = "guesthouse/tokio", features = ["macros", "rt-multi-thread"] }"#,
            r#"aws-config = { package = "guesthouse-aws-config", path = "guesthouse/aws-config" }"#,
            r#"aws-sdk-s3 = { version = "1.4.0", default-features = false, features = ["behavior-version-latest"] }"#,
            "axum = { version = \"0.8\", default-features = false, features = [\"form\", \"json\", \"macros\", \
             \"matched-path\", \"original-uri\", \"query\", \"tower-log\", \"tracing\"] }",
        ];
        assert_eq!(told(function, "").unwrap(), lines.join("\n"));
    }

    #[test]
    fn the_crate_for_http_is_kept_with_a_patch() {
        let patch = "[patch.crates-io]\nlambda_runtime = { path = \"guesthouse/lambda_runtime\" }";
        let http: &[(&str, &str, &[&str])] = &[("lambda_http", "^0.14", &["apigw_http"])];
        let line = r#"lambda_http = { version = "1", features = ["apigw_http"] }"#;
        assert_eq!(told(http, "").unwrap(), format!("{line}\n\n{patch}"));
        assert_eq!(told(&[("lambda_http", "^1", &[])], "").unwrap(), format!("\n{patch}"));
        assert_eq!(told(&[("lambda_http", "^1", &[]), ("lambda_runtime", "^1", &[])], patch), None);
    }

    #[test]
    fn a_handler_is_told_which_features_of_tokio_there_are() {
        let line = r#"tokio = { version = "1", features = ["io-util", "macros", "rt", "sync", "time"] }"#;
        assert_eq!(told(&[("tokio", "^1", &["full"])], "").unwrap(), line);
        assert_eq!(told(&[("tokio", "^1", &["rt", "time"])], ""), None);
    }

    #[test]
    fn what_is_moved_already_is_told_nothing() {
        assert_eq!(told(&[("lambda_runtime", "*", &[]), ("guesthouse-tokio", "*", &["full"])], ""), None);
    }

    #[test]
    fn the_sdk_in_the_project_is_recognised_by_its_path() {
        assert!(wants_sdk("tokio = { package = \"guesthouse-tokio\", path = \"guesthouse/tokio\" }"));
        assert!(wants_sdk("[dependencies.lambda_runtime]\npath=\"guesthouse/lambda_runtime\""));
        assert!(!wants_sdk("guesthouse-guest = { path = \"../../guesthouse/guests/sdk/rust\" }"));
    }
}

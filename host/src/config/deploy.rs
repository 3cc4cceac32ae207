//! This module reads the table `[deploy]` of `guesthouse.toml`, which only the developer's tool uses.

use super::problems::{Problems, suggestion};
use crate::failure::Failure;

/// Holds the settings of the table `[deploy]` as they were written. A field is `None` if its setting is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploySettings {
    /// The function's name.
    pub name: Option<String>,
    /// The processor's name as AWS writes it.
    pub architecture: Option<String>,
    /// The function's memory in MB.
    pub memory: Option<u32>,
    /// The function's timeout in seconds.
    pub timeout: Option<u32>,
    /// The ARN of a role that exists.
    pub role: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Who may call the function by its URL.
    pub url: Option<String>,
    /// The layer with `bootstrap`: a zip file, or an ARN.
    pub layer: Option<String>,
}

const TEXTS: &[&str] = &["name", "architecture", "role", "region", "url", "layer"];
const NUMBERS: &[&str] = &["memory", "timeout"];

impl DeploySettings {
    /// Reads the table from the text of `guesthouse.toml`. A file without the table has no such settings.
    ///
    /// # Errors
    /// [`ErrorType::Config`](crate::failure::ErrorType::Config) with all problems in one message.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let (mut settings, mut problems) = (Self::default(), Problems::default());
        match text.parse::<toml::Table>() {
            Ok(table) => match table.get("deploy") {
                Some(toml::Value::Table(table)) => settings.read(table, &mut problems),
                Some(other) => problems.add(format!("`deploy`: expected a table, found {}", other.type_str())),
                None => {}
            },
            Err(error) => problems.add(format!("`guesthouse.toml` is not TOML: {}", error.to_string().trim_end())),
        }
        if problems.are_none() { Ok(settings) } else { Err(problems.into_failure()) }
    }

    fn read(&mut self, table: &toml::Table, problems: &mut Problems) {
        for (key, value) in table {
            match (key.as_str(), value) {
                ("name", toml::Value::String(text)) => self.name = Some(text.clone()),
                ("architecture", toml::Value::String(text)) => self.architecture = Some(text.clone()),
                ("role", toml::Value::String(text)) => self.role = Some(text.clone()),
                ("region", toml::Value::String(text)) => self.region = Some(text.clone()),
                ("url", toml::Value::String(text)) => self.url = Some(text.clone()),
                ("layer", toml::Value::String(text)) => self.layer = Some(text.clone()),
                ("memory" | "timeout", toml::Value::Integer(number)) => match u32::try_from(*number) {
                    Ok(number) if key == "memory" => self.memory = Some(number),
                    Ok(number) => self.timeout = Some(number),
                    Err(_) => problems.add(format!("`deploy.{key}` is {number}: expected a number above 0")),
                },
                (known, _) if TEXTS.contains(&known) || NUMBERS.contains(&known) => {
                    let wanted = if NUMBERS.contains(&known) { "whole number" } else { "string" };
                    problems.add(format!("`deploy.{key}`: expected a {wanted}, found {}", value.type_str()));
                }
                (key, _) => {
                    let known = TEXTS.iter().chain(NUMBERS).copied();
                    problems.add(format!("`deploy.{key}`: unknown key{}", suggestion(key, known)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_others_are_left_to_the_host() {
        let text = "[handlers.x]\nmemory = \"64MiB\"\n[deploy]\nname = \"hello\"\nmemory = 512\nurl = \"iam\"\n";
        let read = DeploySettings::parse(text).unwrap();
        let (name, url) = (Some("hello".to_owned()), Some("iam".to_owned()));
        assert_eq!(read, DeploySettings { name, url, memory: Some(512), ..DeploySettings::default() });
        assert_eq!(DeploySettings::parse("").unwrap(), DeploySettings::default());
    }

    #[test]
    fn all_problems_are_reported_with_the_key_that_was_meant() {
        let text = "[deploy]\nmemori = 1\ntimeout = \"3\"\nurl = 1\nmemory = -1\n";
        let text = DeploySettings::parse(text).unwrap_err().text().into_owned();
        for part in [
            "`deploy.memori`: unknown key; did you mean `memory`?",
            "`deploy.timeout`: expected a whole number, found string",
            "`deploy.url`: expected a string, found integer",
            "`deploy.memory` is -1: expected a number above 0",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

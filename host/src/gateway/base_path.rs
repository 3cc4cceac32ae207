//! This module takes a base path off a request's path.

/// The beginning of paths that is not meant for the guest, such as `/v1`. It is made of whole segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Checks a base path. The error says what is wrong with it, for a message that names the setting.
    pub fn parse(path: &str) -> Result<Self, String> {
        let Some(segments) = path.strip_prefix('/') else {
            return Err("begins with no `/`".to_owned());
        };
        if segments.is_empty() {
            return Err("has no segment".to_owned());
        }
        for segment in segments.split('/') {
            match segment {
                "" => return Err("has an empty segment, or ends in `/`".to_owned()),
                "." | ".." => return Err(format!("has the segment `{segment}`")),
                _ => {}
            }
        }
        match path.chars().find(|char| !is_allowed(*char)) {
            Some(char) => Err(format!("has `{}`, which no path of a URL has", char.escape_default())),
            None => Ok(Self(path.to_owned())),
        }
    }

    /// Returns the path without this beginning, if it has it as whole segments. It is taken off once.
    #[must_use]
    pub fn take_off<'a>(&self, path: &'a str) -> &'a str {
        without(path, &self.0)
    }
}

/// Returns the path without its first segments, if they are these. What is left of all of it is `""`.
pub fn without<'a>(path: &'a str, segments: &str) -> &'a str {
    match path.strip_prefix(segments) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Returns whether a path may have this character (RFC 3986, section 3.3).
fn is_allowed(char: char) -> bool {
    char.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(char)
}

//! The names by which contracts are found among a guest's exports.

/// The contract `event`. The host serves the versions that start so.
pub(super) const EVENT: Interface = Interface { name: "guesthouse:lambda/handler", series: "0.1." };

/// The hook that a guest may export besides.
pub(super) const LIFECYCLE: Interface = Interface { name: "guesthouse:lambda/lifecycle", series: "0.1." };

/// Contracts that a later version will serve.
pub(super) const LATER: &[&str] = &["wasi:http/incoming-handler@", "wasi:http/handler@", "wasi:cli/run@"];

/// An interface and its versions that are compatible with each other.
pub(super) struct Interface {
    name: &'static str,
    series: &'static str,
}

/// How an export stands to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Served,
    OtherVersion,
    Other,
}

impl Interface {
    pub(super) fn matches(&self, export: &str) -> Match {
        let (name, version) = export.split_once('@').unwrap_or((export, ""));
        match (name == self.name, version.starts_with(self.series)) {
            (true, true) => Match::Served,
            (true, false) => Match::OtherVersion,
            (false, _) => Match::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatible_versions_are_served_and_others_are_not() {
        for (export, expected) in [
            ("guesthouse:lambda/handler@0.1.0", Match::Served),
            ("guesthouse:lambda/handler@0.1.7", Match::Served),
            ("guesthouse:lambda/handler@0.2.0", Match::OtherVersion),
            ("guesthouse:lambda/handler@0.10.0", Match::OtherVersion),
            ("guesthouse:lambda/handler", Match::OtherVersion),
            ("guesthouse:lambda/handlers@0.1.0", Match::Other),
        ] {
            assert_eq!(EVENT.matches(export), expected, "{export}");
        }
    }
}

//! Demangles the names of a guest's functions.
//!
//! See docs/decisions/41-names-in-frames.md.

use std::fmt::{self, Write};

use crate::failure::FRAME_LIMIT_CHARS;

/// Returns the name without its mangling, if it is one of Rust's.
///
/// A guest chooses its names, and demangling is done outside all limits on guests. Rust's names are read in one pass,
/// and no more is written than a frame may show. C++'s names stay as they are: reading them takes a search, for which
/// some short names take minutes and gigabytes. `c++filt` reads them.
pub(super) fn demangle(name: &str) -> String {
    let mut text = Limited(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // An error only means that the limit was reached.
        let _ = write!(text, "{rust:#}");
    }
    if text.0.is_empty() { name.chars().take(FRAME_LIMIT_CHARS).collect() } else { text.0 }
}

/// Collects text up to the limit, and refuses more.
struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > FRAME_LIMIT_CHARS {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rusts_names_are_demangled_and_others_stay() {
        assert_eq!(demangle("_ZN4core9panicking5panic17h0123456789abcdefE"), "core::panicking::panic");
        assert_eq!(demangle("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(demangle("_Z3addii"), "_Z3addii");
        assert_eq!(demangle("main"), "main");
    }

    /// These names stand for more text than they contain, by substitutions in C++ and by back references in Rust.
    #[test]
    fn a_name_takes_no_more_than_a_frame_may_show_whatever_it_stands_for() {
        let searched = format!("_Z{}E", "StC1I".repeat(16));
        let doubled = (0..60).fold("1a".to_owned(), |inner, _| format!("N1bI{inner}S_E1cE"));
        let tuples = format!("_RIC0{}E", (0..40).map(|level| format!("TB{level}_B{level}_E")).collect::<String>());
        let nested = format!("_RNv{}C1a1b", "NvM".repeat(5_000));
        for name in [searched, format!("_Z1f{doubled}"), tuples, nested, "x".repeat(1_000_000)] {
            assert!(demangle(&name).len() <= FRAME_LIMIT_CHARS, "{}", &name[..40]);
        }
    }
}

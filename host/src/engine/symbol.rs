//! The names of a guest's functions, as their authors wrote them.

use std::fmt::{self, Write};

use cpp_demangle::DemangleOptions;

use crate::failure::FRAME_LIMIT_CHARS;

/// The name without its mangling, if it is a Rust or a C++ one. Substitutions let a short name stand for gigabytes, so no
/// more is written than a frame may show.
pub(super) fn demangle(name: &str) -> String {
    let mut text = Limited(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // An error only says that the limit was reached.
        let _ = write!(text, "{rust:#}");
        return text.0;
    }
    if let Ok(symbol) = cpp_demangle::Symbol::new(name) {
        let _ = symbol.structured_demangle(&mut text, &DemangleOptions::default());
    }
    if text.0.is_empty() { name.chars().take(FRAME_LIMIT_CHARS).collect() } else { text.0 }
}

/// Takes text up to the limit, and then no more.
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
    fn names_are_demangled() {
        assert_eq!(demangle("_ZN4core9panicking5panic17h0123456789abcdefE"), "core::panicking::panic");
        assert_eq!(demangle("_Z3addii"), "add(int, int)");
        assert_eq!(demangle("main"), "main");
    }

    #[test]
    fn a_name_that_stands_for_gigabytes_is_cut() {
        let mut name = "_Z1fI1aIiiEEvT_".to_owned();
        assert!(demangle(&name).len() <= FRAME_LIMIT_CHARS);
        name = format!("_Z1fI1aIi{}EEv", "S0_IS1_S1_E".repeat(40));
        assert!(demangle(&name).len() <= FRAME_LIMIT_CHARS.max(name.len()));
        assert_eq!(demangle(&"x".repeat(1_000_000)).len(), FRAME_LIMIT_CHARS);
        let doubled = (0..60).fold("1a".to_owned(), |inner, _| format!("N1bI{inner}S_E1cE"));
        assert!(demangle(&format!("_Z1f{doubled}")).len() <= FRAME_LIMIT_CHARS);
    }
}

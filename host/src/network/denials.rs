//! This module writes one log line for each thing that a handler's guests were denied.

use std::{collections::HashSet, fmt, sync::Mutex};

use tracing::warn;

use crate::lock::lock;

/// The maximum number of lines of one handler. A guest could ask for ever new hosts.
const LINES_LIMIT: usize = 100;

/// Remembers what was logged.
#[derive(Default)]
pub struct Denials(Mutex<HashSet<String>>);

impl Denials {
    /// Logs why something was denied, with the way out. The same denial is logged once.
    pub fn log(&self, denied: &dyn fmt::Display, hint: &str) {
        let line = format!("{denied}; hint: {hint}");
        let mut logged = lock(&self.0);
        if logged.len() < LINES_LIMIT && !logged.contains(&line) {
            warn!("{line}");
            logged.insert(line);
            if logged.len() == LINES_LIMIT {
                warn!("the guest was denied {LINES_LIMIT} different things; no more of them are logged");
            }
        }
    }
}

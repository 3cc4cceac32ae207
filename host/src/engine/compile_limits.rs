//! Defines how much time and memory a compilation may take.

use std::time::Duration;

/// The limits of one compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// The limit on time.
    pub time: Duration,
    /// The limit on memory, in bytes.
    pub memory_bytes: u64,
}

/// The default limit on the compiler's memory, in bytes, for when the function's memory is not known. It is twice what
/// compiling the guest of the largest language takes.
const COMPILER_BYTES: u64 = 4 << 30;

/// The default limit on the compiler's time, for when only the developer waits for it.
const COMPILER_TIME: Duration = Duration::from_secs(600);

impl Default for CompileLimits {
    fn default() -> Self {
        Self { time: COMPILER_TIME, memory_bytes: COMPILER_BYTES }
    }
}

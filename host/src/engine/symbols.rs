//! From places in a guest's code to functions, files and lines, in a process of its own.
//!
//! Debug info can be made so that a few bytes of it take gigabytes, or hours. It is only read for a stack trace, which does without where
//! that takes too much.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    child::{self, Job, Limits},
    debug_info::{Reader, Symbol},
    precompiled,
};
use crate::failure::FRAME_LIMIT;

/// By this name the program reads debug info, and does nothing else.
pub(super) const NAME: &str = "guesthouse-symbols";

/// What reading debug info may take. The memory is in bytes.
const TIME: Duration = Duration::from_secs(1);
const MEMORY_BYTES: u64 = 48 * 1024 * 1024;

/// In less time nothing comes of it.
const LEAST_TIME: Duration = Duration::from_millis(5);

/// What it says at most, in bytes.
const OUTPUT_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// There is one such process at a time: what it takes of memory is nobody else's.
static ONE: Mutex<()> = Mutex::new(());

/// What is at each of these offsets in the guest's `.wasm` file, by the debug info in its machine code's file: innermost first, more
/// than one where calls were inlined, and nothing where nothing is known, or can't be found out until `stop`.
pub(super) async fn at(image: Arc<File>, offsets: Vec<usize>, stop: Instant) -> Vec<Vec<Symbol>> {
    if !child::is_possible() || offsets.is_empty() {
        return Vec::new();
    }
    // It is waited for by another thread: this one may have to hear that the time is over.
    let found = tokio::task::spawn_blocking(move || {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        find(&image, &offsets, stop.saturating_duration_since(Instant::now()).min(TIME))
    });
    found.await.unwrap_or_default()
}

fn find(image: &File, offsets: &[usize], time: Duration) -> Vec<Vec<Symbol>> {
    if time < LEAST_TIME {
        return Vec::new();
    }
    let limits = Limits { time, memory_bytes: MEMORY_BYTES, threads: 1 };
    let arguments = offsets.iter().map(ToString::to_string).collect();
    let found = image.try_clone().and_then(|input| child::run(Job { name: NAME, arguments, input, limits }));
    match found {
        Ok(Some(ended)) if ended.status.success() => {
            let mut output = Vec::new();
            let read = ended.output.take(OUTPUT_LIMIT_BYTES).read_to_end(&mut output);
            read.ok().and_then(|_| serde_json::from_slice(&output).ok()).unwrap_or_default()
        }
        Ok(Some(ended)) => {
            let said = String::from_utf8_lossy(&ended.said);
            tracing::debug!("the guest's debug info is not read: {}: {}", ended.status, said.trim());
            Vec::new()
        }
        Ok(None) => {
            tracing::debug!("the guest's debug info is not read: that takes longer than {time:?}");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!("can't start the process that reads debug info: {error}");
            Vec::new()
        }
    }
}

/// In the process that reads debug info.
pub(super) fn answer(arguments: &[String]) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| error.to_string();
    let image = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?);
    let mut reader = Reader::new(precompiled::debug_info_of(&image)?);
    let (mut found, mut left) = (Vec::new(), FRAME_LIMIT);
    for offset in arguments {
        let offset = offset.parse().map_err(|_| "an offset is no number".to_owned())?;
        let mut symbols = reader.symbols(offset);
        symbols.truncate(left);
        left -= symbols.len();
        found.push(symbols);
    }
    serde_json::to_vec(&found).map_err(|error| error.to_string())
}

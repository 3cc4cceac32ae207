//! Finds the functions, files and lines for places in a guest's code, in another process.
//!
//! Debug info can be made so that reading a few bytes of it takes gigabytes, or hours. It is read only for a stack
//! trace, which goes without it if that takes too much.
//!
//! See docs/decisions/43-debug-info-process.md.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _},
    os::fd::AsFd as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{
    child::{self, Job, Limits},
    debug_info::{Reader, Symbol},
    precompiled,
};
use crate::{failure::FRAME_LIMIT, lock::lock};

/// The name under which the executable reads debug info, and does nothing else.
pub(super) const NAME: &str = "guesthouse-symbols";

/// The limits on reading debug info. The memory is in bytes.
const TIME: Duration = Duration::from_secs(1);
const MEMORY_BYTES: u64 = 48 * 1024 * 1024;

/// The minimum time for which reading debug info is tried at all.
const LEAST_TIME: Duration = Duration::from_millis(5);

/// Limits the size of the result, in bytes.
const OUTPUT_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// How many stack traces of a guest are cached, and how long the texts of one may be together, in bytes.
const KNOWN_TRACES: usize = 16;
const KNOWN_BYTES: usize = 64 * 1024;

/// Caches the last stack traces of a guest by their offsets. A bug usually occurs more than once, and starting a
/// process each time costs more than everything else.
#[derive(Default)]
pub(super) struct Known(Mutex<VecDeque<Trace>>);

type Trace = (Vec<usize>, Vec<Vec<Symbol>>);

impl Known {
    fn get(&self, offsets: &[usize]) -> Option<Vec<Vec<Symbol>>> {
        let known = lock(&self.0);
        known.iter().find(|(known, _)| known == offsets).map(|(_, symbols)| symbols.clone())
    }

    fn add(&self, offsets: Vec<usize>, symbols: &[Vec<Symbol>]) {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes: usize = symbols.iter().flatten().map(|symbol| length(&symbol.name) + length(&symbol.file)).sum();
        if bytes > KNOWN_BYTES {
            return;
        }
        let mut known = lock(&self.0);
        known.truncate(KNOWN_TRACES - 1);
        known.push_front((offsets, symbols.to_vec()));
    }
}

/// Allows only one such process at a time, so that its memory limit is also that of all together.
static ONE: Mutex<()> = Mutex::new(());

/// Returns the symbols at each of these offsets in the guest's `.wasm` file, from the debug info in the file with its
/// machine code: innermost first, more than one where calls were inlined, and none where nothing is known. The result
/// is empty if nothing can be found out until `stop`.
pub(super) async fn at(known: &Known, image: Arc<File>, offsets: Vec<usize>, stop: Instant) -> Vec<Vec<Symbol>> {
    if !child::is_possible() || offsets.is_empty() {
        return Vec::new();
    }
    if let Some(symbols) = known.get(&offsets) {
        return symbols;
    }
    let places = offsets.clone();
    // Another thread waits for the process, because this one may have to act when the time is over.
    let found = tokio::task::spawn_blocking(move || {
        let _one = lock(&ONE);
        find(&image, &places, stop.saturating_duration_since(Instant::now()).min(TIME))
    });
    match found.await {
        Ok(Some(symbols)) => {
            known.add(offsets, &symbols);
            symbols
        }
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// Has another process look up the symbols. Returns `None` if another attempt may have another result.
fn find(image: &File, offsets: &[usize], time: Duration) -> Option<Vec<Vec<Symbol>>> {
    if time < LEAST_TIME {
        return None;
    }
    let limits = Limits { time, memory_bytes: MEMORY_BYTES, threads: 1 };
    let arguments = offsets.iter().map(ToString::to_string).collect();
    let found = image.try_clone().and_then(|input| child::run(Job { name: NAME, arguments, input, limits }));
    match found {
        Ok(Some(ended)) if ended.status.success() => {
            let mut output = Vec::new();
            let read = ended.output.take(OUTPUT_LIMIT_BYTES).read_to_end(&mut output);
            Some(read.ok().and_then(|_| serde_json::from_slice(&output).ok()).unwrap_or_default())
        }
        Ok(Some(ended)) => {
            let stderr = String::from_utf8_lossy(&ended.stderr);
            tracing::debug!("the guest's debug info is not read: {}: {}", ended.status, stderr.trim());
            Some(Vec::new())
        }
        Ok(None) => {
            tracing::debug!("the guest's debug info is not read: that takes longer than {time:?}");
            None
        }
        Err(error) => {
            tracing::warn!("can't start the process that reads debug info: {error}");
            None
        }
    }
}

/// Looks up the symbols for offsets, in the process that was started for it.
pub(super) fn serve(arguments: &[String]) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| error.to_string();
    let image = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?);
    let mut reader = Reader::new(precompiled::debug_info_of(&image)?);
    let (mut found, mut left) = (Vec::new(), FRAME_LIMIT);
    for offset in arguments {
        let offset = offset.parse().map_err(|_| "an offset is not a number".to_owned())?;
        let mut symbols = reader.symbols(offset);
        symbols.truncate(left);
        left -= symbols.len();
        found.push(symbols);
    }
    serde_json::to_vec(&found).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(name_bytes: usize) -> Vec<Vec<Symbol>> {
        vec![vec![Symbol { name: Some("x".repeat(name_bytes)), ..Symbol::default() }]]
    }

    #[test]
    fn the_last_traces_are_known_if_they_are_not_too_long() {
        let known = Known::default();
        (0..=KNOWN_TRACES).for_each(|offset| known.add(vec![offset], &symbols(offset)));
        assert_eq!(known.get(&[0]), None);
        assert_eq!(known.get(&[KNOWN_TRACES]), Some(symbols(KNOWN_TRACES)));
        assert_eq!(known.get(&[1]), Some(symbols(1)));
        known.add(vec![100], &symbols(KNOWN_BYTES));
        known.add(vec![101], &symbols(KNOWN_BYTES + 1));
        assert!(known.get(&[100]).is_some() && known.get(&[101]).is_none());
    }
}

//! A file's checksum.

use std::{fs::File, io, num::NonZero, os::unix::fs::FileExt as _, thread};

use crc32fast::Hasher;

/// How much is read at a time, in bytes: it stays in the processor's cache.
const PIECE_BYTES: usize = 128 * 1024;

/// For fewer bytes another thread is not worth its start.
const BYTES_PER_THREAD: u64 = 1024 * 1024;

/// Large files take some milliseconds, of which more than one processor takes its share.
const THREADS: u64 = 4;

/// The CRC-32 of the file's first `bytes`.
///
/// # Errors
/// When they can't be read.
pub(super) fn of(file: &File, bytes: u64) -> io::Result<u32> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let threads = (bytes / BYTES_PER_THREAD).clamp(1, THREADS.min(processors));
    let share = bytes.div_ceil(threads);
    thread::scope(|scope| {
        let hash = |thread: u64| hash(file, thread * share, bytes.min((thread + 1) * share));
        // Where there are no threads to be had, this one does it all.
        let others: Vec<_> = (1..threads)
            .map(|thread| (thread, thread::Builder::new().spawn_scoped(scope, move || hash(thread)).ok()))
            .collect();
        let mut whole = hash(0)?;
        for (thread, other) in others {
            let part = match other.map(thread::ScopedJoinHandle::join) {
                Some(Ok(part)) => part,
                Some(Err(_)) | None => hash(thread),
            };
            whole.combine(&part?);
        }
        Ok(whole.finalize())
    })
}

fn hash(file: &File, begin: u64, end: u64) -> io::Result<Hasher> {
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = begin;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let piece = &mut piece[..wanted];
        file.read_exact_at(piece, at)?;
        hasher.update(piece);
        at += wanted as u64;
    }
    Ok(hasher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_file::memory_file;

    #[test]
    fn it_is_that_of_the_bytes_however_many_threads_take_part() {
        for bytes in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 5_000_003] {
            let content: Vec<u8> = (0..bytes).map(|index| (index * 31 % 251) as u8).collect();
            let file = memory_file("content", &content).unwrap();
            assert_eq!(of(&file, bytes as u64).unwrap(), crc32fast::hash(&content));
            assert!(of(&file, bytes as u64 + 1).is_err());
        }
    }
}

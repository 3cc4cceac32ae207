//! What is kept of an invocation while it runs: the end of its log, and what it used.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    digest::Digest,
    logs::{Logs, Output},
    observer::{Line, Observer, Usage},
};

/// How much of the log `X-Amz-Log-Result` carries, in bytes, as on Lambda.
const TAIL_LIMIT_BYTES: usize = 4 * 1024;

/// Passes log lines on, and keeps what belongs to invocations under way.
pub struct Records {
    to: Box<dyn Output>,
    open: Mutex<HashMap<String, Record>>,
}

/// A caller chose a request id that an invocation under way has.
#[derive(Debug)]
pub struct RequestIdInUse;

/// What was kept of one invocation.
#[derive(Debug, Default, Clone)]
pub struct Record {
    /// The end of its log.
    pub tail: Vec<u8>,
    pub usage: Usage,
    /// The guest that answered, or was to.
    pub guest: Option<Digest>,
}

impl Records {
    /// `to` is where all lines go.
    pub fn new(to: Box<dyn Output>) -> Self {
        Self { to, open: Mutex::default() }
    }

    /// From now on lines with this request id are kept.
    ///
    /// # Errors
    /// When they are already: the id is in use.
    pub(super) fn open(&self, request_id: &str) -> Result<(), RequestIdInUse> {
        match self.lock().entry(request_id.to_owned()) {
            Entry::Occupied(_) => Err(RequestIdInUse),
            Entry::Vacant(vacant) => {
                vacant.insert(Record::default());
                Ok(())
            }
        }
    }

    /// What was kept, and no more is.
    pub(super) fn close(&self, request_id: &str) -> Record {
        self.lock().remove(request_id).unwrap_or_default()
    }

    /// What was used so far, and by which guest.
    pub(super) fn usage(&self, request_id: &str) -> (Usage, Option<Digest>) {
        self.lock().get(request_id).map(|record| (record.usage, record.guest)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output for Records {
    fn write(&self, request_id: Option<&str>, line: &str) {
        self.to.write(request_id, line);
        let mut open = self.lock();
        let Some(record) = request_id.and_then(|id| open.get_mut(id)) else { return };
        record.tail.extend_from_slice(line.as_bytes());
        let over = record.tail.len().saturating_sub(TAIL_LIMIT_BYTES);
        record.tail.drain(..over);
    }

    fn is_behind(&self) -> bool {
        self.to.is_behind()
    }

    fn flush(&self, limit: Duration) {
        self.to.flush(limit);
    }
}

/// Lets a [`Logs`] write to records that others hold too.
impl Output for Arc<Records> {
    fn write(&self, request_id: Option<&str>, line: &str) {
        self.as_ref().write(request_id, line);
    }

    fn is_behind(&self) -> bool {
        self.as_ref().is_behind()
    }

    fn flush(&self, limit: Duration) {
        self.as_ref().flush(limit);
    }
}

/// Hears the guests of a local Lambda.
pub(super) struct Hearing {
    pub(super) logs: Arc<Logs>,
    pub(super) records: Arc<Records>,
}

impl Observer for Hearing {
    fn line(&self, line: &Line<'_>) {
        self.logs.line(line);
    }

    fn is_behind(&self) -> bool {
        self.logs.is_behind()
    }

    fn served_by(&self, request_id: &str, guest: Digest) {
        if let Some(record) = self.records.lock().get_mut(request_id) {
            record.guest = Some(guest);
        }
    }

    fn used(&self, request_id: &str, usage: Usage) {
        if let Some(record) = self.records.lock().get_mut(request_id) {
            record.usage = usage;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_4_kib_and_only_of_open_invocations() {
        struct Nowhere;
        impl Output for Nowhere {
            fn write(&self, _: Option<&str>, _: &str) {}
        }
        let records = Records::new(Box::new(Nowhere));
        records.open("id-1").unwrap();
        assert!(records.open("id-1").is_err());
        records.write(Some("id-1"), &"a".repeat(TAIL_LIMIT_BYTES));
        records.write(Some("id-2"), "other");
        records.write(None, "host");
        assert_eq!(records.lock()["id-1"].tail, "a".repeat(TAIL_LIMIT_BYTES).as_bytes());
        records.write(Some("id-1"), "end");
        let tail = records.close("id-1").tail;
        assert!(tail.len() == TAIL_LIMIT_BYTES && tail.ends_with(b"aend"));
        assert!(records.close("id-1").tail.is_empty());
    }
}

//! This module keeps the end of each invocation's log and its usage while the invocation runs.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::{
    digest::Digest,
    lock::lock,
    logs::{Logs, Output},
    observer::{Line, Observer},
    report::InvocationReport,
};

/// The maximum size of the log in `X-Amz-Log-Result`, in bytes, as on Lambda.
const TAIL_LIMIT_BYTES: usize = 4 * 1024;

/// Passes log lines on, and keeps the records of invocations in flight.
pub struct Records {
    to: Box<dyn Output>,
    open: Mutex<HashMap<String, Record>>,
}

/// Reports that a caller chose the request id of another invocation in flight.
#[derive(Debug)]
pub struct RequestIdInUse;

/// Holds what was kept of one invocation.
#[derive(Debug, Default, Clone)]
pub struct Record {
    /// The end of the invocation's log.
    pub tail: Vec<u8>,
    /// The guest, if one was chosen.
    pub guest: Option<Digest>,
    /// What the runtime client reported. `None` while the invocation runs.
    pub measured: Option<Measured>,
}

/// Holds the part of an invocation's report that the REPORT line shows.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The time from the event's arrival at the worker until its reply was posted.
    pub duration: Duration,
    /// The most memory that the instance had, in bytes, if that is known.
    pub peak_memory_bytes: Option<u64>,
}

impl Records {
    /// Returns an output that passes all lines on to `to`.
    pub fn new(to: Box<dyn Output>) -> Self {
        Self { to, open: Mutex::default() }
    }

    /// Starts to keep the lines with this request id.
    ///
    /// # Errors
    /// If they are kept already, because the id is in use.
    pub(super) fn open(&self, request_id: &str) -> Result<(), RequestIdInUse> {
        match self.lock().entry(request_id.to_owned()) {
            Entry::Occupied(_) => Err(RequestIdInUse),
            Entry::Vacant(vacant) => {
                vacant.insert(Record::default());
                Ok(())
            }
        }
    }

    /// Returns what was kept, and ends the record.
    pub(super) fn close(&self, request_id: &str) -> Record {
        self.lock().remove(request_id).unwrap_or_default()
    }

    /// Returns the invocation's guest, and what the runtime client reported of it if it has ended.
    pub(super) fn measured(&self, request_id: &str) -> (Option<Digest>, Option<Measured>) {
        self.lock().get(request_id).map(|record| (record.guest, record.measured)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        lock(&self.open)
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

/// Lets a [`Logs`] write to shared records.
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

/// Observes the guests and invocations of a local Lambda.
pub(super) struct LocalObserver {
    pub(super) logs: Arc<Logs>,
    pub(super) records: Arc<Records>,
}

impl Observer for LocalObserver {
    fn line(&self, line: &Line<'_>) {
        self.logs.line(line);
    }

    fn is_behind(&self) -> bool {
        self.logs.is_behind()
    }

    fn began(&self, request_id: &str, guest: Digest) {
        if let Some(record) = self.records.lock().get_mut(request_id) {
            record.guest = Some(guest);
        }
    }

    fn finished(&self, report: &InvocationReport<'_>) {
        let InvocationReport { duration, peak_memory_bytes, .. } = *report;
        if let Some(record) = self.records.lock().get_mut(report.request_id) {
            record.measured = Some(Measured { duration, peak_memory_bytes });
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

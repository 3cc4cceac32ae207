//! Each event that was accepted is reported once, however its invocation ended.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use guesthouse::{
    capabilities::{Access, Capabilities, Grants, InstancePolicy, Limits, Tmp},
    observer::{Line, Observer},
    report::{InstanceOrigin, InvocationReport, Start},
    tmp::Quota,
};
use serde_json::json;

use crate::support::{
    Behaviour, Event, Fake, NextFault,
    faults::{self, Afterwards, Fault, FaultyGuest},
    guests, in_process, wait_for,
};

/// What a report said.
#[derive(Debug, Clone)]
struct Reported {
    request_id: String,
    error_type: Option<String>,
    start: Start,
    has_guest: bool,
    instance: Option<InstanceOrigin>,
    peak_memory_bytes: Option<u64>,
}

/// Keeps the reports in the order in which they came, and the last line that a guest printed.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<Reported>>>, Arc<Mutex<String>>);

impl Reports {
    fn all(&self) -> Vec<Reported> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the only report of this invocation.
    fn of(&self, request_id: &str) -> Reported {
        let of = || self.all().into_iter().filter(|report| report.request_id == request_id).collect::<Vec<_>>();
        // The reply is posted before the invocation is reported.
        let found = wait_for("a report", || Some(of()).filter(|found| !found.is_empty()));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }
}

impl Observer for Reports {
    fn line(&self, line: &Line<'_>) {
        line.text.clone_into(&mut self.1.lock().unwrap());
    }

    fn finished(&self, report: &InvocationReport<'_>) {
        self.0.lock().unwrap().push(Reported {
            request_id: report.request_id.to_owned(),
            error_type: report.failure.map(|failure| failure.error_type.to_string()),
            start: report.start,
            has_guest: report.guest.is_some(),
            instance: report.instance,
            peak_memory_bytes: report.peak_memory_bytes,
        });
    }
}

/// Grants what the faults of the table need.
fn capabilities(directory: &Path) -> Capabilities {
    fs::write(directory.join("sentinel"), "untouched").unwrap();
    let env = [("SENTINEL", "/tmp/sentinel"), ("START_FILE", "/tmp/start")];
    let tmp = Tmp { quota: Arc::new(Quota::new(directory, None)), access: Access::ReadWrite };
    Capabilities {
        grants: Grants {
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            tmp: Some(tmp),
            ..Grants::default()
        },
        limits: Limits { memory_bytes: Some(128 << 20), ..Limits::default() },
        policy: InstancePolicy { margin: Duration::from_millis(500), ..InstancePolicy::default() },
        ..Capabilities::default()
    }
}

/// A guest that never ends is stopped after this time; any other has all the time that it needs.
const TIMEOUT: Duration = Duration::from_secs(5);

fn event_of(fault: &Fault) -> Event {
    let event = Event::new(fault.event());
    if fault.is_timeout() { event.timeout(TIMEOUT) } else { event }
}

fn check_reports(guest: &Path, faults: &[Fault]) {
    let directory = tempfile::tempdir().unwrap();
    let (fake, reports) = (Fake::start(), Reports::default());
    let load = in_process::load(guest, capabilities(directory.path()), reports.clone());
    let _serving = in_process::start(&fake, 1, load, || ());
    let mut sent = 0;
    let mut report_of = |event: Event| {
        let id = event.id.clone();
        fake.invoke(event);
        sent += 1;
        reports.of(&id)
    };
    let first = report_of(Event::new(Behaviour::Rest));
    assert!(matches!(first, Reported { error_type: None, start: Start::Cold, has_guest: true, .. }), "{first:?}");
    for fault in faults {
        if let Some(before) = &fault.before {
            report_of(Event::new(before.clone()));
        }
        let report = report_of(event_of(fault));
        assert_eq!(report.error_type.as_deref(), Some(fault.error_type), "{}", fault.name);
        assert!(report.has_guest && report.start == Start::Warm, "{}: {report:?}", fault.name);
        let after = report_of(Event::new(Behaviour::Rest));
        let expected = match fault.instance {
            Afterwards::Kept => InstanceOrigin::Reused,
            Afterwards::Gone => InstanceOrigin::New,
        };
        assert_eq!((after.error_type, after.instance), (None, Some(expected)), "{}", fault.name);
        assert!(after.peak_memory_bytes.is_some_and(|bytes| bytes > 0), "{}", fault.name);
    }
    assert_eq!(reports.all().len(), sent);
    fake.stop();
}

#[test]
fn each_fault_of_the_table_is_reported_once() {
    let (misbehaving, others): (Vec<_>, Vec<_>) =
        faults::all().into_iter().partition(|fault| matches!(fault.guest, FaultyGuest::Misbehave(_)));
    thread::scope(|scope| {
        scope.spawn(|| check_reports(&guests::path("misbehave"), &misbehaving));
        for fault in &others {
            let FaultyGuest::Text(text) = &fault.guest else { unreachable!("just partitioned") };
            let directory = tempfile::tempdir().unwrap();
            let guest = directory.path().join("guest.wasm");
            fs::write(&guest, text.build()).unwrap();
            check_reports(&guest, std::slice::from_ref(fault));
        }
    });
}

#[test]
fn a_refused_reply_a_truncated_event_and_a_shutdown_are_reported_once_each() {
    let (fake, reports) = (Fake::start(), Reports::default());
    let load = in_process::load(&guests::path("misbehave"), Capabilities::default(), reports.clone());
    let (end, ended) = channel();
    let serving = in_process::start(&fake, 1, load, move || end.send(()).unwrap());

    fake.answer_next_post("413 Payload Too Large");
    let refused = Event::new(Behaviour::Count);
    fake.invoke(refused.clone());
    assert_eq!(reports.of(&refused.id).error_type, None);

    fake.disturb_next(NextFault::CutOffAndForgotten);
    let truncated = Event::new("x".repeat(1000));
    fake.invoke(truncated.clone());
    let report = reports.of(&truncated.id);
    assert_eq!(report.error_type.as_deref(), Some("Host.InvalidEvent"));
    assert!(!report.has_guest && report.instance.is_none(), "{report:?}");

    let interrupted = Event::new(Behaviour::Loop.aloud());
    fake.send(interrupted.clone());
    wait_for("the guest to run", || (*reports.1.lock().unwrap() == Behaviour::Loop.to_string()).then_some(()));
    serving.end();
    ended.recv().unwrap();
    assert_eq!(reports.of(&interrupted.id).error_type.as_deref(), Some("Host.Internal"));
    assert_eq!(reports.all().len(), 3);
}

/// Panics, or waits for the test, when the guest prints these lines.
struct Disturbed {
    reports: Reports,
    go_on: Mutex<Receiver<()>>,
}

impl Observer for Disturbed {
    fn line(&self, line: &Line<'_>) {
        assert!(line.text != "panic", "a fault of the host");
        if line.text == "stall" {
            // The test may be over.
            let _ = self.go_on.lock().unwrap().recv();
        }
    }

    fn finished(&self, report: &InvocationReport<'_>) {
        self.reports.finished(report);
    }
}

#[test]
fn a_panic_of_the_host_and_an_abandoned_worker_are_reported_once_each() {
    let (fake, reports) = (Fake::start(), Reports::default());
    let (go_on, wait) = channel();
    let observer = Disturbed { reports: reports.clone(), go_on: Mutex::new(wait) };
    let load = in_process::load(&guests::path("talk"), Capabilities::default(), observer);
    let _serving = in_process::start(&fake, 1, load, || ());
    let line = |line: &str| Event::new(json!(["out", format!("{line}\n")]).to_string());

    let panicked = line("panic");
    fake.invoke(panicked.clone());
    assert_eq!(reports.of(&panicked.id).error_type.as_deref(), Some("Host.Internal"));

    let abandoned = line("stall").timeout(TIMEOUT);
    fake.invoke(abandoned.clone());
    go_on.send(()).unwrap();
    // The worker that has its place serves the next event; what the abandoned one brings later counts for nothing.
    let next = line("fine");
    fake.invoke(next.clone());
    assert_eq!(reports.of(&next.id).error_type, None);
    let report = reports.of(&abandoned.id);
    assert_eq!(report.error_type.as_deref(), Some("Guest.Timeout"));
    assert!(report.has_guest && report.instance.is_none(), "{report:?}");
    assert_eq!(reports.all().len(), 3);
    fake.stop();
}

//! This module writes the host's own events to the log, among the guests' lines.
//!
//! See docs/decisions/31-own-tracing-subscriber.md.

use std::{fmt, panic, sync::Arc};

use tracing::{
    Event, Metadata, Subscriber, error,
    field::{Field, Visit},
    span,
};

use crate::logs::{Level, Logs, Subject};

/// Sends the `tracing` events of this process to `logs` from now on, and also panics. Only the first call has an
/// effect.
pub fn start(logs: Arc<Logs>) {
    // This fails only if another subscriber is set already. That one stays in effect.
    if tracing::subscriber::set_global_default(ToLogs(logs)).is_ok() {
        panic::set_hook(Box::new(|panic| error!("the host panicked: {panic}")));
    }
}

/// The programs and libraries whose events are written. Those of others tell of what guests do wrong, which guests
/// could do without end.
const HEARD: &[&str] = &["guesthouse", "bootstrap", "lambda_runtime"];

struct ToLogs(Arc<Logs>);

/// Handles events only. `enabled` refuses spans, so none are created.
impl Subscriber for ToLogs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_heard = HEARD.iter().any(|name| metadata.target().starts_with(name));
        metadata.is_event() && is_heard && self.0.wants(level(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (level, message) = (level(event.metadata()), fields.message + &fields.others);
        let subject = Subject {
            request_id: fields.request_id.as_deref(),
            tenant_id: fields.tenant_id.as_deref(),
            guest: fields.guest.as_deref(),
        };
        self.0.write(level, &subject, &message);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

/// Holds an event as one sentence, followed by its fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    request_id: Option<String>,
    tenant_id: Option<String>,
    guest: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "guest" => self.guest = Some(format!("{value:?}")),
            "request_id" => self.request_id = Some(format!("{value:?}")),
            "tenant_id" => self.tenant_id = Some(format!("{value:?}")),
            name => self.others.push_str(&format!(" {name}={value:?}")),
        }
    }
}

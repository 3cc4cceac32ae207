//! The host's own events, written between the guests' lines.

use std::{fmt, panic, sync::Arc};

use tracing::{
    Event, Metadata, Subscriber, error,
    field::{Field, Visit},
    span,
};

use crate::logs::{Level, Logs, Subject};

/// From now on `tracing` events of this process go to `logs`, and so do panics. Only the first call counts.
pub fn start(logs: Arc<Logs>) {
    // It fails only where a subscriber is set already, which then is the one that counts.
    if tracing::subscriber::set_global_default(ToLogs(logs)).is_ok() {
        panic::set_hook(Box::new(|panic| error!("the host panicked: {panic}")));
    }
}

struct ToLogs(Arc<Logs>);

/// Spans are of no interest, so none is ever made.
impl Subscriber for ToLogs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.0.wants(level(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let (level, message) = (level(event.metadata()), said.message + &said.fields);
        let subject = Subject {
            request_id: said.request_id.as_deref(),
            tenant_id: said.tenant_id.as_deref(),
            guest: said.guest.as_deref(),
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

/// An event as one sentence, with its fields behind.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
    request_id: Option<String>,
    tenant_id: Option<String>,
    guest: Option<String>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "guest" => self.guest = Some(format!("{value:?}")),
            "request_id" => self.request_id = Some(format!("{value:?}")),
            "tenant_id" => self.tenant_id = Some(format!("{value:?}")),
            name => self.fields.push_str(&format!(" {name}={value:?}")),
        }
    }
}

//! The host's own events, written between the guests' lines.

use std::{fmt, panic, sync::Arc};

use tracing::{
    Event, Metadata, Subscriber, error,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
};

use crate::logs::{Level, Logs};

/// From now on `tracing` events of this process go to `logs`, and so do panics. Only the first call counts.
pub fn start(logs: Arc<Logs>) {
    // It fails only where a subscriber is set already, which then is the one that counts.
    if tracing::subscriber::set_global_default(Registry::default().with(ToLogs(logs))).is_ok() {
        panic::set_hook(Box::new(|panic| error!("the host panicked: {panic}")));
    }
}

struct ToLogs(Arc<Logs>);

impl<S: Subscriber> Layer<S> for ToLogs {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.0.wants(level(metadata))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let (level, message) = (level(event.metadata()), said.message + &said.fields);
        self.0.write(level, said.request_id.as_deref(), said.guest, &message);
    }
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
    guest: Option<String>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "guest" => self.guest = Some(format!("{value:?}")),
            "request_id" => self.request_id = Some(format!("{value:?}")),
            name => self.fields.push_str(&format!(" {name}={value:?}")),
        }
    }
}

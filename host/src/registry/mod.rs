//! From a handler to the guest that serves it now.

mod code;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::debug;

use crate::{
    capabilities::Capabilities,
    digest::Digest,
    engine::{Engine, Guest},
    failure::Failure,
    laps::Laps,
    observer::Observer,
    source::Source,
};

/// How long Lambda's init phase may take on demand. Source: the AWS page "Lambda execution environment".
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Holds the guest of one handler. An invocation asks for it once, and keeps what it got to its end.
pub struct Registry {
    current: Arc<Guest>,
    margin: Duration,
}

/// What to load, and on which terms.
pub struct LoadRequest {
    /// The handler's name, for messages.
    pub handler: String,
    /// Where the guest comes from.
    pub source: Source,
    /// The only artifact to accept, if one is pinned.
    pub digest: Option<Digest>,
    /// What the guest may touch.
    pub capabilities: Capabilities,
}

impl Registry {
    /// Fetches and checks the guest, maps or compiles it, links it, and makes its first instance.
    ///
    /// # Errors
    /// What keeps the handler from being served, as the Runtime API gets it.
    pub async fn load(
        engine: &Engine,
        request: LoadRequest,
        observer: Arc<dyn Observer>,
        laps: &mut Laps,
    ) -> Result<Self, Failure> {
        let margin = request.capabilities.margin;
        let stop = Instant::now() + INIT_LIMIT - margin.min(INIT_LIMIT / 10);
        let code = code::load(engine, &request, stop).await.map_err(Failure::within_limits)?;
        laps.done("code");
        let LoadRequest { handler, capabilities, .. } = request;
        let digest = code.source();
        let left = stop.saturating_duration_since(Instant::now());
        let guest = Guest::load(engine, code, capabilities, observer, left, laps).await;
        let guest = guest.map_err(|error| error.into_failure(&handler).within_limits())?;
        debug!(%handler, %digest, "serving");
        Ok(Self { current: Arc::new(guest), margin })
    }

    /// How long before an invocation's deadline the guest is stopped.
    pub fn margin(&self) -> Duration {
        self.margin
    }

    /// The guest that serves now.
    pub fn get(&self) -> Arc<Guest> {
        self.current.clone()
    }
}

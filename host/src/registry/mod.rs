//! From a handler to the guest that serves it now, and to the next one.

mod apart;
mod code;
mod handler;
mod looker;
mod looks;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::debug;

use self::handler::Handler;
pub use self::looker::Looker;
use crate::{
    capabilities::Capabilities,
    engine::{Budget, Engine, Guest},
    failure::{ErrorType, Failure},
    laps::Laps,
    observer::Observer,
    source::{Artifact, Look, Source, Wanted},
    terms::{Refresh, Terms},
};

/// How long Lambda's init phase may take on demand. Source: the AWS page "Lambda execution environment".
pub const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How long an invocation waits at most for a look that it is to wait for, and never more than a quarter of its time.
const LONGEST_LOOK_WAIT: Duration = Duration::from_secs(2);

/// How often an artifact that does not belong to the signature beside it is fetched at the start, and how long after each other.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Holds the guest of one handler. An invocation asks for it once, and keeps what it got to its end.
pub struct Registry {
    handler: Arc<Handler>,
    looker: Looker,
}

/// What to load, and on which terms.
#[derive(Clone)]
pub struct LoadRequest {
    /// The handler's name, for messages.
    pub handler: String,
    /// Where the guest comes from.
    pub source: Source,
    /// Which artifacts are taken, and when a newer one is looked for.
    pub terms: Terms,
    /// What the guest may touch.
    pub capabilities: Capabilities,
    /// How long fetching, compiling and starting may take together. The guest's own start-up code never has more than [`INIT_LIMIT`].
    pub init_limit: Duration,
    /// Somebody may have it [look now](Registry::look_now), too.
    pub is_watched: bool,
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
        looker: Looker,
        laps: &mut Laps,
    ) -> Result<Self, Failure> {
        let margin = request.capabilities.margin.min(INIT_LIMIT / 10);
        let stop = Instant::now() + request.init_limit.saturating_sub(margin);
        let mut tries = 0;
        let (code, version, identity) = loop {
            tries += 1;
            let artifact = fetch(&request, &looker, stop).await.map_err(Failure::within_limits)?;
            laps.done("source");
            let (version, identity) = (artifact.version.clone(), artifact.content.digest());
            match code::load(engine, &request, artifact, stop).await {
                Ok(code) => break (code, version, identity),
                // The two may be on their way: they do not change in one moment.
                Err(failure)
                    if failure.error_type == ErrorType::Untrusted && version.has_signature() && tries < TRIES =>
                {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(failure) => return Err(failure.within_limits()),
            }
        };
        laps.done("code");
        let budget = Budget::new(&request.capabilities, code.held_bytes());
        let left = stop.saturating_duration_since(Instant::now()).min(INIT_LIMIT - margin);
        let guest =
            Guest::load(engine, code, request.capabilities.clone(), observer.clone(), budget.clone(), left, laps).await;
        let guest = guest.map_err(|error| error.into_failure(&request.handler).within_limits())?;
        debug!(handler = %request.handler, digest = %guest.digest(), "serving");
        observer.serving(guest.digest());
        let handler = Handler::new(engine.clone(), request, observer, budget, guest, version, identity);
        Ok(Self { handler: Arc::new(handler), looker })
    }

    /// How long before an invocation's deadline the guest is stopped.
    pub fn margin(&self) -> Duration {
        self.handler.request.capabilities.margin
    }

    /// Hears what the guests do.
    pub fn observer(&self) -> &dyn Observer {
        self.handler.observer()
    }

    /// The guest for an invocation that has so much time `left`. Where the last look is too old, a new one begins; only where each
    /// invocation is to have its own is it waited for.
    pub async fn get(&self, left: Duration) -> Arc<Guest> {
        match self.handler.request.terms.refresh {
            Refresh::Off => {}
            Refresh::EachTime => {
                let own = self.handler.looks.one_more(|| self.begin_look());
                // The current guest serves where it takes longer.
                let _ = tokio::time::timeout(LONGEST_LOOK_WAIT.min(left / 4), own).await;
            }
            Refresh::Every(every) if self.handler.looks.are_due(every) => self.begin_look(),
            Refresh::Every(_) => {}
        }
        self.handler.current()
    }

    /// Looks for a newer artifact now, where that is on this machine, and returns when that was done.
    pub async fn look_now(&self) {
        if !self.handler.request.source.is_local() {
            return;
        }
        self.handler.looks.one_more(|| self.begin_look()).await;
    }

    /// The number of the look that is under way.
    pub fn look_under_way(&self) -> Option<u64> {
        self.handler.looks.under_way()
    }

    /// Waits until no look is under way, at most so long.
    pub async fn finish_look(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.handler.looks.none()).await;
    }

    fn begin_look(&self) {
        let Some(look) = self.handler.looks.begin() else { return };
        let handler = self.handler.clone();
        self.looker.spawn(async move {
            handler.look().await;
            drop(look);
        });
    }
}

/// What the source has at the start.
async fn fetch(request: &LoadRequest, looker: &Looker, stop: Instant) -> Result<Artifact, Failure> {
    let (source, wanted) = (request.source.clone(), request.wanted(stop, u32::MAX));
    let looked = match source.is_local() {
        true => source.look(None, &wanted).await?,
        // Connections stay with the thread that made them.
        false => looker.run(async move { source.look(None, &wanted).await }).await??,
    };
    match looked {
        Look::Found(artifact) => Ok(*artifact),
        Look::Refused(_, failure) => Err(*failure),
        Look::Unchanged => {
            let message = "the source has nothing newer than nothing";
            Err(Failure::new(ErrorType::Internal, message).hint("this is a fault of the host: please report it"))
        }
    }
}

impl LoadRequest {
    fn wanted(&self, stop: Instant, attempts: u32) -> Wanted {
        Wanted {
            limit_bytes: self.terms.limit_bytes,
            signature: self.terms.trusted_keys.ask_for_signatures(),
            // Where a newer one is looked for, the file is expected to be written to.
            apart: self.terms.refresh != Refresh::Off || self.is_watched,
            stop,
            attempts,
        }
    }
}

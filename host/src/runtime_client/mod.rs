//! The host's side of the Runtime API: it requests events and posts responses, by our own loop or by AWS's.
//!
//! ```text
//! direct (supervisor) → pool → worker → service → registry, engine
//!                         ↘ in_flight ← watchdog     worker → client → http1
//! ```
//!
//! See docs/decisions/01-two-runtime-clients.md.

mod client;
mod direct;
mod early_response;
mod executor;
mod frozen_refresh;
mod http1;
mod in_flight;
#[cfg(feature = "lambda-runtime")]
mod official;
mod pool;
mod redelivery;
mod running;
mod service;
mod shutdown;
mod start_failure;
mod truncated;
mod watchdog;
pub mod wire;
mod worker;

use std::{
    error::Error,
    future::Future,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;
use tracing::{error, warn};

pub use self::{client::ApiError, service::Service};
use self::{
    client::RuntimeApiClient,
    direct::{Started, Supervisor},
    shutdown::Shutdown,
    start_failure::{panicked, thread_failure},
};
use crate::{
    config::{Config, RuntimeClientKind},
    failure::{Failure, chain},
    observer::Observer,
    phase_timings::PhaseTimings,
    registry::INIT_LIMIT,
};

/// Loads the guest and serves events until the Runtime API is gone or SIGTERM arrives. All of that happens on other
/// threads: this one makes sure that it ends in time. What keeps the guest from being served is posted to the Runtime
/// API.
///
/// # Errors
/// What ended it.
pub fn run(
    config: Config,
    observer: Arc<dyn Observer>,
    timings: PhaseTimings,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let authority = config.runtime_api.clone();
    // Later than the limit at which what can be stopped is stopped.
    let limit = INIT_LIMIT - config.capabilities.policy.margin.min(INIT_LIMIT / 10) / 4;
    let (kind, concurrency) = (config.runtime_client, config.concurrency);
    let load = async move |mut timings: PhaseTimings| {
        timings.record("executor");
        Service::load(&config, observer, timings).await.map(Arc::new)
    };
    let load = move || load(timings);
    let no_thread = |error| thread_failure(&error).hint("raise the function's memory");
    let failure = match kind {
        RuntimeClientKind::Direct => match Supervisor::start(&authority, concurrency, on_sigterm(), load) {
            Ok(supervisor) => match supervisor.started(limit) {
                Started::Ready(pool) => return Ok(supervisor.supervise(&pool)?),
                Started::Failed(failure) => failure,
                Started::Terminated => return Ok(()),
            },
            Err(error) => no_thread(error),
        },
        #[cfg(feature = "lambda-runtime")]
        RuntimeClientKind::LambdaRuntime => match official::run(&authority, concurrency, limit, load) {
            Ok(Ok(served)) => return served,
            Ok(Err(failure)) => failure,
            Err(error) => no_thread(error),
        },
    };
    report_init_failure(&authority, &failure);
    Err(failure.into())
}

/// Holds a guest that is served in the background.
pub struct Serving {
    /// Serves the guest.
    pub service: Arc<Service>,
    shutdown: Shutdown,
}

impl Serving {
    /// Ends it. An invocation in flight has the little time that it has on Lambda.
    pub fn end(&self) {
        self.shutdown.begin();
    }
}

/// Loads a guest and serves it as [`run`] does. Returns when the guest is loaded, which takes at most `limit`. `ended`
/// is called with what ended serving.
///
/// # Errors
/// What keeps the guest from being served.
pub async fn start<L, F>(
    authority: &str,
    concurrency: NonZeroUsize,
    limit: Duration,
    load: L,
    ended: impl FnOnce(Result<(), ApiError>) + Send + 'static,
) -> Result<Serving, Failure>
where
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<Arc<Service>, Failure>>,
{
    let no_thread = |error| thread_failure(&error).hint("end other processes on this machine");
    let supervisor = Supervisor::start(authority, concurrency, Arc::default(), load).map_err(no_thread)?;
    let (sender, receiver) = oneshot::channel();
    let supervise = move || match supervisor.started(limit) {
        Started::Ready(pool) => {
            drop(sender.send(Ok(Serving { service: pool.service().clone(), shutdown: pool.shutdown().clone() })));
            ended(supervisor.supervise(&pool));
        }
        Started::Failed(failure) => drop(sender.send(Err(failure))),
        Started::Terminated => {}
    };
    thread::Builder::new().name("supervisor".to_owned()).spawn(supervise).map_err(no_thread)?;
    receiver.await.unwrap_or_else(|_| Err(panicked()))
}

/// Returns a flag that SIGTERM sets.
fn on_sigterm() -> Arc<AtomicBool> {
    let terminated = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, terminated.clone()) {
        warn!("SIGTERM will end the process without notice: {error}");
    }
    terminated
}

/// Posts to Lambda why the host can't start.
pub fn report_init_failure(authority: &str, failure: &Failure) {
    let unposted = match executor::current_thread() {
        Ok(executor) => {
            let posted = executor.block_on(RuntimeApiClient::new(authority).init_error(failure));
            posted.err().map(|error| chain(&error))
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(unposted) = unposted {
        error!("the Runtime API did not accept the init error: {unposted}");
    }
}

//! The host's side of the Runtime API: events in, answers out, by our own loop or by AWS's.

mod client;
mod direct;
mod head;
mod http;
#[cfg(feature = "lambda-runtime")]
mod official;
mod service;
mod shutdown;
mod watch;
pub mod wire;
mod worker;

use std::{
    error::Error,
    future::Future,
    io,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};
use tracing::{error, warn};

pub use self::{client::ApiError, service::Service};
use self::{
    client::RuntimeApiClient,
    direct::{Started, Workers},
    shutdown::Shutdown,
};
use crate::{
    config::{Config, EdgeKind},
    failure::{ErrorType, Failure, chain},
    laps::Laps,
    observer::Observer,
    registry::INIT_LIMIT,
};

/// How many threads an executor may have besides its own: one waits for the compiler at first, and later files are read and written
/// there for guests that do not wait for them.
const BLOCKING_THREADS: usize = 4;

/// The executor of one worker, or of AWS's loop.
fn executor(kind: EdgeKind, concurrency: NonZeroUsize) -> io::Result<Runtime> {
    let mut builder = match kind {
        // Waking another thread costs more than all else in the loop.
        EdgeKind::Direct => Builder::new_current_thread(),
        #[cfg(feature = "lambda-runtime")]
        EdgeKind::LambdaRuntime => official::executor(concurrency),
    };
    #[cfg(not(feature = "lambda-runtime"))]
    let _ = concurrency;
    builder.max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(Duration::from_millis(100)).enable_all().build()
}

/// Loads the guest and serves events, until the Runtime API is gone or SIGTERM comes. All of that happens on other threads: this one
/// sees to it that it ends in time. What keeps the guest from being served is posted to the Runtime API.
///
/// # Errors
/// What ended it.
pub fn run(config: Config, observer: Arc<dyn Observer>, laps: Laps) -> Result<(), Box<dyn Error + Send + Sync>> {
    let authority = config.runtime_api.clone();
    // Later than what can be stopped is stopped.
    let limit = INIT_LIMIT - config.capabilities.margin.min(INIT_LIMIT / 10) / 4;
    let (kind, concurrency) = (config.edge, config.concurrency);
    let load = async move |mut laps: Laps| {
        laps.done("executor");
        Service::load(&config, observer, laps).await.map(Arc::new)
    };
    let load = move || load(laps);
    let no_thread = |error| no_thread(&error).hint("raise the function's memory");
    let started = match kind {
        EdgeKind::Direct => match Workers::start(&authority, concurrency, on_sigterm(), load) {
            Ok(workers) => match workers.started(limit) {
                Started::Ready(crew) => return Ok(workers.supervise(&crew)?),
                Started::Failed(failure) => failure,
                Started::Terminated => return Ok(()),
            },
            Err(error) => no_thread(error),
        },
        #[cfg(feature = "lambda-runtime")]
        EdgeKind::LambdaRuntime => match official::run(&authority, concurrency, limit, load) {
            Ok(Ok(served)) => return served,
            Ok(Err(failure)) => failure,
            Err(error) => no_thread(error),
        },
    };
    report_init_failure(&authority, &started);
    Err(started.into())
}

/// A guest that is served.
pub struct Serving {
    /// What it is served with.
    pub service: Arc<Service>,
    shutdown: Shutdown,
}

impl Serving {
    /// Ends it. What is in flight has the little time that it has on Lambda.
    pub fn end(&self) {
        self.shutdown.begin();
    }
}

/// Loads a guest and serves it as [`run`] does, and returns when it is loaded, which takes at most `limit`. `ended` is called with what
/// ended it.
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
    let no_thread = |error| no_thread(&error).hint("end what else runs here");
    let workers = Workers::start(authority, concurrency, Arc::default(), load).map_err(no_thread)?;
    let (tell, told) = oneshot::channel();
    let supervise = move || match workers.started(limit) {
        Started::Ready(crew) => {
            drop(tell.send(Ok(Serving { service: crew.service().clone(), shutdown: crew.shutdown().clone() })));
            ended(workers.supervise(&crew));
        }
        Started::Failed(failure) => drop(tell.send(Err(failure))),
        Started::Terminated => {}
    };
    thread::Builder::new().name("supervisor".to_owned()).spawn(supervise).map_err(no_thread)?;
    told.await.unwrap_or_else(|_| Err(direct::died()))
}

fn no_thread(error: &io::Error) -> Failure {
    Failure::new(ErrorType::Internal, format!("can't start a thread: {error}"))
}

/// Becomes true with SIGTERM.
fn on_sigterm() -> Arc<AtomicBool> {
    let terminated = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, terminated.clone()) {
        warn!("SIGTERM will end the process without notice: {error}");
    }
    terminated
}

/// Tells Lambda why the host can't start.
pub fn report_init_failure(authority: &str, failure: &Failure) {
    let unheard = match executor(EdgeKind::Direct, NonZeroUsize::MIN) {
        Ok(executor) => {
            let posted = executor.block_on(RuntimeApiClient::new(authority).init_error(failure));
            posted.err().map(|error| chain(&error))
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(unheard) = unheard {
        error!("the Runtime API did not take the init error: {unheard}");
    }
}

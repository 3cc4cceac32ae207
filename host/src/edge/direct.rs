//! Our own edge: workers that take an event, answer it, and take the next; and who supervises them.
//!
//! Workers have threads of their own, and so has the start, which is the first worker's. Nothing of a guest's runs on the supervisor's
//! thread, so it always hears SIGTERM and always ends the environment in time, whatever a guest or the host does with one.

use std::{
    future::Future,
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    Service,
    client::ApiError,
    executor, no_thread,
    shutdown::{LAST_GRACE, Shutdown},
    watch,
    worker::Crew,
};
use crate::{
    config::EdgeKind,
    failure::{ErrorType, Failure},
};

/// What the start takes of memory in small pieces, in bytes: just less than what is mapped by itself.
const AT_ONCE_BYTES: usize = 120 * 1024;

/// How often the supervisor looks at the workers and for SIGTERM.
const PERIOD: Duration = Duration::from_millis(20);

/// Workers that may not have started yet.
pub struct Workers {
    /// Hears once of the start.
    started: Receiver<Result<Arc<Crew>, Failure>>,
    /// Hears once of each worker.
    ended: Receiver<Result<(), ApiError>>,
    /// Set by SIGTERM.
    terminated: Arc<AtomicBool>,
}

/// How the start went.
pub enum Started {
    /// All is ready for events.
    Ready(Arc<Crew>),
    /// There will be none.
    Failed(Failure),
    /// Lambda ends the environment.
    Terminated,
}

impl Workers {
    /// Begins the start, on the first worker's thread. That one goes on to the first event; `terminated` is to be set when
    /// the environment is to end.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start<L, F>(
        authority: &str,
        concurrency: NonZeroUsize,
        terminated: Arc<AtomicBool>,
        load: L,
    ) -> io::Result<Self>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Arc<Service>, Failure>>,
    {
        let (tell_started, started) = channel();
        let (ends, ended) = channel();
        let authority = authority.to_owned();
        let work = move || {
            // Memory for other threads than the first comes from the system page by page, with a system call for each, until as much
            // as this was asked for at once.
            drop(std::hint::black_box(Vec::<u8>::with_capacity(AT_ONCE_BYTES)));
            first_worker(&authority, concurrency, load, &tell_started, ends);
        };
        thread::Builder::new().name("worker".to_owned()).spawn(work)?;
        Ok(Self { started, ended, terminated })
    }

    /// Waits for the start, at most so long: what can't be stopped is left behind.
    pub fn started(&self, limit: Duration) -> Started {
        let stop = Instant::now() + limit;
        loop {
            match self.started.recv_timeout(PERIOD) {
                Ok(Ok(crew)) => return Started::Ready(crew),
                Ok(Err(failure)) => return Started::Failed(failure),
                Err(RecvTimeoutError::Disconnected) => return Started::Failed(died()),
                Err(RecvTimeoutError::Timeout) if self.terminated.load(Ordering::Relaxed) => {
                    return Started::Terminated;
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= stop => return Started::Failed(stuck(limit)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Supervises the workers until all have ended, or until the time is over that there is after SIGTERM.
    ///
    /// # Errors
    /// What the first worker to fail met. The others end with it, after what they have in flight: an environment that lost a
    /// worker is to be replaced.
    pub fn supervise(&self, crew: &Arc<Crew>) -> Result<(), ApiError> {
        let mut working = crew.concurrency().get();
        for _ in 1..working {
            crew.clone().work_on_a_thread(None);
        }
        let (mut failure, mut stop) = (None, None);
        while working > 0 && stop.is_none_or(|stop| Instant::now() < stop) {
            match self.ended.recv_timeout(PERIOD) {
                Ok(ended) => {
                    // Each worker ends once, or the one that took its place does.
                    working -= 1;
                    failure = failure.or(ended.err());
                }
                // The crew has the other end.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => watch::replace_overdue(crew),
            }
            if stop.is_none() && (failure.is_some() || self.terminated.load(Ordering::Relaxed)) {
                crew.shutdown().begin();
                stop = Some(Instant::now() + LAST_GRACE);
            }
        }
        // Not before: the log may be slow.
        if failure.is_none() && self.terminated.load(Ordering::Relaxed) {
            tracing::info!("ended, as Lambda asked");
        }
        failure.map_or(Ok(()), Err)
    }
}

fn first_worker<L, F>(
    authority: &str,
    concurrency: NonZeroUsize,
    load: L,
    started: &Sender<Result<Arc<Crew>, Failure>>,
    ends: Sender<Result<(), ApiError>>,
) where
    L: FnOnce() -> F,
    F: Future<Output = Result<Arc<Service>, Failure>>,
{
    let executor = match executor(EdgeKind::Direct, NonZeroUsize::MIN) {
        Ok(executor) => executor,
        Err(error) => {
            return drop(started.send(Err(no_thread(&error).hint("raise the function's memory"))));
        }
    };
    executor.block_on(async {
        match load().await {
            Ok(service) => {
                let crew = Arc::new(Crew::new(authority, service, concurrency, Shutdown::new(), ends));
                // Nobody listens any more where the start took too long.
                if started.send(Ok(crew.clone())).is_ok() {
                    crew.work(None).await;
                }
            }
            Err(failure) => drop(started.send(Err(failure))),
        }
    });
    // A compiler that is still at work is not waited for.
    executor.shutdown_background();
}

/// What it was is in the log, where the panic itself writes it.
pub(super) fn died() -> Failure {
    Failure::new(ErrorType::Internal, "the host failed in the start").hint("its log says why: please report it")
}

pub(super) fn stuck(limit: Duration) -> Failure {
    let message =
        format!("the guest's start-up could not be stopped in what it does in {:.2} seconds", limit.as_secs_f64());
    Failure::slow_start(message)
}

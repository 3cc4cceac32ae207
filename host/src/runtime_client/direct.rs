//! Our own runtime client: workers that request an event, run it, and request the next; and the supervisor.
//!
//! Workers have threads of their own, and so has the start, which runs on the first worker's. No guest's code runs on
//! the supervisor's thread. So the supervisor always notices SIGTERM and always ends the environment in time, whatever
//! a guest or the host does on a worker's thread.
//!
//! See docs/decisions/01-two-runtime-clients.md. See docs/decisions/05-supervisor.md.

use std::{
    future::Future,
    hint::black_box,
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
    client::ApiError,
    executor,
    pool::WorkerPool,
    service::Service,
    shutdown::SHUTDOWN_LIMIT,
    start_failure::{panicked, stuck, thread_failure},
    watchdog::{self, Verdict},
};
use crate::failure::Failure;

/// The size of an allocation that is freed at once, in bytes. It makes the allocator extend this thread's heap in one
/// step. It is just below the size from which the allocator maps memory separately.
const START_BYTES: usize = 120 * 1024;

/// The time between the supervisor's checks of the workers and for SIGTERM.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Supervises workers, which may not have started yet.
pub(super) struct Supervisor {
    /// Receives once how the start went.
    started: Receiver<Result<Arc<WorkerPool>, Failure>>,
    /// Receives once for each worker how it ended.
    exits: Receiver<Result<(), ApiError>>,
    /// Is set by SIGTERM.
    terminated: Arc<AtomicBool>,
}

/// Says how the start went.
pub(super) enum Started {
    /// The workers are ready for events.
    Ready(Arc<WorkerPool>),
    /// There will be no workers.
    Failed(Failure),
    /// Lambda ends the environment.
    Terminated,
}

impl Supervisor {
    /// Begins the start on the first worker's thread, which then requests the first event. `terminated` becomes true
    /// when the environment is to end.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start<L, F>(
        authority: &str,
        concurrency: NonZeroUsize,
        terminated: Arc<AtomicBool>,
        load: L,
    ) -> io::Result<Self>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Arc<Service>, Failure>>,
    {
        let (started_sender, started) = channel();
        let (exit_sender, exits) = channel();
        let authority = authority.to_owned();
        let work = move || {
            // On all threads but the first the allocator extends the heap page by page, with a system call for each,
            // until the heap has had this size once.
            drop(black_box(Vec::<u8>::with_capacity(START_BYTES)));
            first_worker(&authority, concurrency, load, &started_sender, exit_sender);
        };
        thread::Builder::new().name("worker".to_owned()).spawn(work)?;
        Ok(Self { started, exits, terminated })
    }

    /// Waits for the start, for at most `limit`. A start that can't be stopped is abandoned.
    pub(super) fn started(&self, limit: Duration) -> Started {
        let stop = Instant::now() + limit;
        loop {
            match self.started.recv_timeout(POLL_INTERVAL) {
                Ok(Ok(pool)) => return Started::Ready(pool),
                Ok(Err(failure)) => return Started::Failed(failure),
                Err(RecvTimeoutError::Disconnected) => return Started::Failed(panicked()),
                Err(RecvTimeoutError::Timeout) if self.is_terminated() => return Started::Terminated,
                Err(RecvTimeoutError::Timeout) if Instant::now() >= stop => return Started::Failed(stuck(limit)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Supervises the workers until all have ended, or until the time after SIGTERM is over.
    ///
    /// # Errors
    /// The error of the first worker that failed. The others end after what they have in flight: an environment that
    /// lost a worker is to be replaced.
    pub(super) fn supervise(&self, pool: &Arc<WorkerPool>) -> Result<(), ApiError> {
        let mut working = pool.concurrency();
        for _ in 1..working {
            pool.clone().spawn(None);
        }
        let (mut failure, mut stop) = (None, None);
        while working > 0 && stop.is_none_or(|stop| Instant::now() < stop) {
            match self.exits.recv_timeout(POLL_INTERVAL) {
                Ok(exit) => {
                    // Each worker ends once, or the one that replaced it does.
                    working -= 1;
                    failure = failure.or(exit.err());
                }
                // The pool holds a sender, so the channel is not disconnected.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => replace_overdue(pool),
            }
            if stop.is_none() && (failure.is_some() || self.is_terminated()) {
                pool.shutdown().begin();
                stop = Some(Instant::now() + SHUTDOWN_LIMIT);
            }
        }
        // Not before now: the log may be slow.
        if failure.is_none() && self.is_terminated() {
            tracing::info!("shut down, as Lambda requested");
        }
        failure.map_or(Ok(()), Err)
    }

    fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Relaxed)
    }
}

fn replace_overdue(pool: &Arc<WorkerPool>) {
    for verdict in watchdog::abandon_overdue(&pool.in_flight(), pool.concurrency()) {
        match verdict {
            Verdict::Replace(reply) => pool.clone().spawn(Some(reply)),
            Verdict::End(reply, abandoned) => pool.clone().end_after(reply, ApiError::Abandoned(abandoned)),
        }
    }
}

fn first_worker<L, F>(
    authority: &str,
    concurrency: NonZeroUsize,
    load: L,
    started: &Sender<Result<Arc<WorkerPool>, Failure>>,
    exits: Sender<Result<(), ApiError>>,
) where
    L: FnOnce() -> F,
    F: Future<Output = Result<Arc<Service>, Failure>>,
{
    let executor = match executor::current_thread() {
        Ok(executor) => executor,
        Err(error) => {
            return drop(started.send(Err(thread_failure(&error).hint("raise the function's memory"))));
        }
    };
    executor.block_on(async {
        match load().await {
            Ok(service) => {
                let pool = Arc::new(WorkerPool::new(authority, service, concurrency, exits));
                // Nobody receives any more when the start took too long.
                if started.send(Ok(pool.clone())).is_ok() {
                    pool.work(None).await;
                }
            }
            Err(failure) => drop(started.send(Err(failure))),
        }
    });
    // Does not wait for a compiler that is still running.
    executor.shutdown_background();
}

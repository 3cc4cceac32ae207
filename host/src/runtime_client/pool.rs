//! The workers of an environment: what they share, and how they are started and replaced.

use std::{
    future::Future,
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, Weak, mpsc::Sender},
    thread,
};

use futures_util::FutureExt as _;

use super::{
    client::{ApiError, RuntimeApiClient},
    executor,
    in_flight::InFlight,
    service::{Reply, Service},
    shutdown::Shutdown,
    worker::{Shared, Worker, WorkerExit, deliver},
};

use crate::lock::lock;

/// Holds the workers of an environment.
pub(super) struct WorkerPool {
    shared: Shared,
    concurrency: NonZeroUsize,
    /// Receives how each worker ended, once for a worker and those that replaced it. Nobody receives after the
    /// environment has ended.
    exits: Sender<Result<(), ApiError>>,
    in_flight: Mutex<Vec<Weak<InFlight>>>,
}

impl WorkerPool {
    pub(super) fn new(
        authority: &str,
        service: Arc<Service>,
        concurrency: NonZeroUsize,
        exits: Sender<Result<(), ApiError>>,
    ) -> Self {
        let shared = Shared { authority: authority.to_owned(), service, shutdown: Shutdown::new() };
        Self { shared, concurrency, exits, in_flight: Mutex::default() }
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.shared.service
    }

    /// Returns how many workers there are to be.
    pub(super) fn concurrency(&self) -> usize {
        self.concurrency.get()
    }

    /// Returns what signals the end of the environment to the workers.
    pub(super) fn shutdown(&self) -> &Shutdown {
        &self.shared.shutdown
    }

    /// Runs a worker on this thread until the environment ends or the worker is abandoned. The worker first posts the
    /// reply that it is given.
    pub(super) async fn work(self: Arc<Self>, first: Option<Reply>) {
        let worker = Worker::new(self.shared.clone(), self.new_in_flight());
        match AssertUnwindSafe(worker.work(first)).catch_unwind().await {
            // The worker that replaced it sends the exit.
            Ok(WorkerExit::Abandoned) => {}
            Ok(WorkerExit::Served(served)) => drop(self.exits.send(served)),
            Err(_) => drop(self.exits.send(Err(ApiError::Worker))),
        }
    }

    /// Runs a worker on a thread of its own.
    pub(super) fn spawn(self: Arc<Self>, first: Option<Reply>) {
        self.on_own_thread(move |pool| pool.work(first));
    }

    /// Posts a last reply on a thread of its own, and then ends the environment with this error.
    pub(super) fn end_after(self: Arc<Self>, last: Reply, error: ApiError) {
        self.on_own_thread(async move |pool| {
            // `deliver` logs how the post went.
            let _ = deliver(&mut RuntimeApiClient::new(&pool.shared.authority), &pool.shared.service, last).await;
            drop(pool.exits.send(Err(error)));
        });
    }

    fn on_own_thread<F: Future<Output = ()>>(self: Arc<Self>, work: impl FnOnce(Arc<Self>) -> F + Send + 'static) {
        let pool = self.clone();
        let run = move || match executor::current_thread() {
            Ok(executor) => {
                executor.block_on(work(pool));
                executor.shutdown_background();
            }
            Err(error) => drop(pool.exits.send(Err(ApiError::Threads(error)))),
        };
        if let Err(error) = thread::Builder::new().name("worker".to_owned()).spawn(run) {
            drop(self.exits.send(Err(ApiError::Threads(error))));
        }
    }

    /// Returns what the workers have in flight, abandoned workers included.
    pub(super) fn in_flight(&self) -> Vec<Arc<InFlight>> {
        let mut in_flight = lock(&self.in_flight);
        in_flight.retain(|in_flight| in_flight.strong_count() > 0);
        in_flight.iter().filter_map(Weak::upgrade).collect()
    }

    fn new_in_flight(&self) -> Arc<InFlight> {
        let in_flight = Arc::new(InFlight::default());
        lock(&self.in_flight).push(Arc::downgrade(&in_flight));
        in_flight
    }
}

//! Runs refreshes on a thread of their own, so that invocations do not wait for them.
//!
//! See docs/decisions/12-refresh-thread.md.

use std::{
    future::{Future, pending},
    io,
    sync::{Arc, Mutex, mpsc::channel},
    thread,
};

use tokio::runtime::{Builder, Handle};
use tracing::warn;

use crate::failure::{ErrorType, Failure};

use crate::lock::lock;

/// The nice value of the thread, so that invocations come first when there are too few processors. A compiler's process
/// inherits it. Source: `sched(7)`: each step changes the share of the processor by some 25 percent.
const NICE: i32 = 10;

/// The maximum number of further threads: they compile, one for each handler, and resolve host names.
const BLOCKING_THREADS: usize = 8;

/// Stands for the thread on which refreshes run. The thread starts with the first refresh and then stays, because it
/// keeps the connections to sources.
#[derive(Clone, Default)]
pub struct RefreshThread {
    handle: Arc<Mutex<Option<Handle>>>,
    is_low_priority: bool,
}

impl RefreshThread {
    /// Returns a thread that runs with a lower priority than invocations.
    pub fn low_priority() -> Self {
        Self { is_low_priority: true, ..Self::default() }
    }

    /// Runs the work on the thread, and returns its result.
    ///
    /// # Errors
    /// Returns [`ErrorType::Internal`] if the thread can't start, or if the work panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let internal = |error: String| {
            Failure::new(ErrorType::Internal, format!("the source can't be read: {error}"))
                .hint("raise the function's memory, or report it")
        };
        let handle = self.handle().map_err(|error| internal(error.to_string()))?;
        handle.spawn(work).await.map_err(|error| internal(error.to_string()))
    }

    /// Runs the work on the thread. If the thread can't start, the work is dropped and a warning is logged.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self.handle() {
            Ok(handle) => drop(handle.spawn(work)),
            Err(error) => {
                warn!("there is no refresh: no thread can be started: {error}; raise the function's memory");
            }
        }
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut started = lock(&self.handle);
        if let Some(handle) = &*started {
            return Ok(handle.clone());
        }
        let ((sender, receiver), is_low_priority) = (channel(), self.is_low_priority);
        thread::Builder::new().name("refresh".to_owned()).spawn(move || {
            if is_low_priority {
                // If that is not allowed, refreshes run at normal priority.
                let _ = rustix::process::nice(NICE);
            }
            match Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
                Ok(runtime) => {
                    drop(sender.send(Ok(runtime.handle().clone())));
                    runtime.block_on(pending::<()>());
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        })?;
        let handle = receiver.recv().map_err(io::Error::other)??;
        *started = Some(handle.clone());
        Ok(handle)
    }
}

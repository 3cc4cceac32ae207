//! The thread on which looks happen, so that invocations do not wait for them.

use std::{
    future::{Future, pending},
    io,
    sync::{Arc, Mutex, PoisonError, mpsc::channel},
    thread,
};

use tokio::runtime::{Builder, Handle};
use tracing::warn;

use crate::failure::{ErrorType, Failure};

/// How much less than invocations a look gets of the processor, where there is not enough for both. What it starts, a compiler's
/// process, inherits that. Source: `sched(7)`, where each step is worth some 25 percent.
const NICE: i32 = 10;

/// How many threads it may have besides: they compile, one for each handler that does, and look up names.
const BLOCKING_THREADS: usize = 8;

/// The thread on which looks happen. It starts with the first one, and stays: it keeps the connections to sources.
#[derive(Clone, Default)]
pub struct Looker {
    handle: Arc<Mutex<Option<Handle>>>,
    is_considerate: bool,
}

impl Looker {
    /// One that leaves the processor to invocations, where there is not enough for both.
    pub fn considerate() -> Self {
        Self { is_considerate: true, ..Self::default() }
    }

    /// Does something there, and waits for what comes of it.
    ///
    /// # Errors
    /// [`ErrorType::Internal`] when the thread can't start, or the work panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let internal = |error: String| {
            Failure::new(ErrorType::Internal, format!("the source can't be looked at: {error}"))
                .hint("raise the function's memory, or report it")
        };
        let handle = self.handle().map_err(|error| internal(error.to_string()))?;
        handle.spawn(work).await.map_err(|error| internal(error.to_string()))
    }

    /// Does something there. Where that is not possible it is dropped.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self.handle() {
            Ok(handle) => drop(handle.spawn(work)),
            Err(error) => {
                warn!("no newer guest is looked for: no thread can be started: {error}; raise the function's memory");
            }
        }
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut started = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*started {
            return Ok(handle.clone());
        }
        let ((tell, told), is_considerate) = (channel(), self.is_considerate);
        thread::Builder::new().name("looker".to_owned()).spawn(move || {
            if is_considerate {
                // Where it is not allowed, looks are only less so.
                let _ = rustix::process::nice(NICE);
            }
            match Builder::new_current_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build() {
                Ok(runtime) => {
                    drop(tell.send(Ok(runtime.handle().clone())));
                    runtime.block_on(pending::<()>());
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        })?;
        let handle = told.recv().map_err(io::Error::other)??;
        *started = Some(handle.clone());
        Ok(handle)
    }
}

//! What both edges do with an event: headers and bytes in, an answer or a failure out.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use tracing::{debug, warn};

use super::wire::{self, EventHeaders, InvocationKey};
use crate::{
    config::{Config, FunctionInfo},
    engine::{Engine, Invoked, Spent},
    failure::{ErrorType, Failure},
    invocation::{Budget, PAYLOAD_LIMIT_BYTES},
    laps::Laps,
    observer::Observer,
    registry::{INIT_LIMIT, LoadRequest, Looker, Registry},
};

/// How long the log may take after an answer was posted. It is not waited for at all where nobody reads it.
const LOG_WAIT: Duration = Duration::from_millis(100);

/// One handler, ready to be called by an edge.
pub struct Service {
    /// Has the guest.
    pub registry: Registry,
    /// Goes into every context.
    pub function: FunctionInfo,
    /// How the start went so far, until it is over.
    laps: Mutex<Option<Laps>>,
}

/// What to post, and to which invocation.
pub struct Reply {
    /// Whose reply it is.
    pub to: InvocationKey,
    /// The answer, or why there is none.
    pub outcome: Result<Bytes, Failure>,
    /// What is left of the guest's instance: it is dropped after the answer was posted.
    pub spent: Spent,
}

impl Service {
    /// Where nobody asks how long it took.
    pub fn new(registry: Registry, function: FunctionInfo) -> Self {
        Self { registry, function, laps: Mutex::default() }
    }

    /// Does all that comes before the first event.
    ///
    /// # Errors
    /// What keeps the handler from being served, as the Runtime API gets it.
    pub async fn load(config: &Config, observer: Arc<dyn Observer>, laps: Laps) -> Result<Self, Failure> {
        caught(Self::try_load(config, observer, laps)).await
    }

    async fn try_load(config: &Config, observer: Arc<dyn Observer>, mut laps: Laps) -> Result<Self, Failure> {
        let engine = Engine::new().map_err(|error| error.into_failure(&config.handler))?;
        laps.done("engine");
        let request = LoadRequest {
            handler: config.handler.clone(),
            source: config.source.clone(),
            terms: config.terms.clone(),
            capabilities: config.capabilities.clone(),
            init_limit: INIT_LIMIT,
            is_watched: false,
        };
        let registry = Registry::load(&engine, request, observer, Looker::considerate(), &mut laps).await?;
        Ok(Self { registry, function: config.function.clone(), laps: Mutex::new(Some(laps)) })
    }

    /// The start is over when the first event is asked for.
    pub fn started(&self, last: &'static str) {
        if let Some(mut laps) = self.laps.lock().unwrap_or_else(PoisonError::into_inner).take() {
            laps.done(last);
            debug!("the start took, in milliseconds: {laps}");
        }
    }

    /// How much time there is for the invocation that these headers name.
    pub fn budget(&self, headers: &EventHeaders) -> Budget {
        headers.deadline().budget(self.registry.margin())
    }

    /// The look for a newer guest that is under way.
    pub fn look_under_way(&self) -> Option<u64> {
        self.registry.look_under_way()
    }

    /// Lets a look for a newer guest come to its end, in what is left of the time for the invocation that these headers name, and at
    /// most so long.
    pub async fn finish_look(&self, headers: &EventHeaders, limit: Duration) {
        self.registry.finish_look(limit.min(self.budget(headers).guest)).await;
    }

    /// Waits until what guests printed is in the log, for a little while: Lambda freezes the process when it asks for the next event,
    /// and with it what is on its way.
    pub fn flush_log(&self) {
        self.registry.observer().flush(LOG_WAIT);
    }

    /// Answers one event. `None` when the headers name no invocation to answer.
    pub async fn reply(&self, headers: &EventHeaders, event: Bytes) -> Option<Reply> {
        let Some(invocation) = headers.invocation(event, &self.function) else {
            warn!("an event came without `{}` and can't be answered", wire::REQUEST_ID);
            return None;
        };
        let left = self.budget(headers).guest;
        let invoked = caught(async { Ok(self.registry.get(left).await.invoke(invocation).await) }).await;
        let (answered, spent) = match invoked {
            Ok(Invoked { answered, spent }) => (answered, spent),
            Err(failure) => (Err(failure), Spent::default()),
        };
        let outcome = answered.and_then(|answer| within_limit(Bytes::from(answer)));
        Some(Reply { to: headers.key()?, outcome, spent })
    }
}

impl Reply {
    /// The reply to the invocation that these headers name, if they name one.
    pub fn to(headers: &EventHeaders, outcome: Result<Bytes, Failure>) -> Option<Self> {
        Some(Self { to: headers.key()?, outcome, spent: Spent::default() })
    }
}

/// A panic of the host fails the invocation in which it happens, and no other, or the start. What it was is in the log, where the
/// panic itself writes it; the caller only learns that it happened. The instance in use is gone with it.
async fn caught<T>(invocation: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    AssertUnwindSafe(invocation).catch_unwind().await.unwrap_or_else(|_| {
        Err(Failure::new(ErrorType::Internal, "the host failed").hint("its log says why: please report it"))
    })
}

fn within_limit(answer: Bytes) -> Result<Bytes, Failure> {
    let (bytes, limit) = (answer.len(), PAYLOAD_LIMIT_BYTES);
    if bytes <= limit {
        return Ok(answer);
    }
    let message = format!("the answer has {bytes} bytes, but Lambda takes at most {limit}");
    Err(Failure::response_too_large(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_host_is_a_failure_of_the_invocation_and_tells_the_caller_nothing() {
        let failure = caught::<()>(async { panic!("a secret of the host") }).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Internal);
        assert!(!failure.message.contains("secret"));
        assert_eq!(caught(async { Ok(1) }).await, Ok(1));
    }

    #[test]
    fn an_answer_at_the_limit_passes_and_one_over_it_does_not() {
        let answer = |bytes: usize| within_limit(Bytes::from(vec![b'x'; bytes])).map(|answer| answer.len());
        assert_eq!(answer(PAYLOAD_LIMIT_BYTES), Ok(PAYLOAD_LIMIT_BYTES));
        assert_eq!(answer(PAYLOAD_LIMIT_BYTES + 1).unwrap_err().error_type, ErrorType::ResponseSizeTooLarge);
    }
}

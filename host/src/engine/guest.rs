//! A guest made ready to run: linked, type-checked, started. What can fail has failed by then.

use std::{
    fs::File,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Code, Engine, LoadError, contract::Contract, instance::Instance, memory::Budget, symbols::Known};
use crate::{
    capabilities::{Capabilities, Instances},
    digest::Digest,
    failure::Failure,
    invocation::{Answer, Invocation},
    laps::Laps,
    observer::Observer,
};

/// What came of an invocation.
pub struct Invoked {
    /// The answer, or why there is none.
    pub answered: Result<Answer, Failure>,
    /// To be dropped when that was told.
    pub spent: Spent,
}

/// An instance that is not used any more. To give back a gigabyte of memory takes the kernel a tenth of a second, which nobody is to wait for.
#[derive(Default)]
#[must_use = "it is to be dropped after the answer was posted"]
pub struct Spent(#[expect(dead_code, reason = "it is only dropped")] Option<Instance>);

/// A guest made ready to run, with the instances that wait for work.
pub struct Guest {
    pub(super) engine: Engine,
    pub(super) contract: Contract,
    pub(super) capabilities: Capabilities,
    pub(super) budget: Budget,
    pub(super) state_bytes: u64,
    pub(super) debug_info: Option<Arc<File>>,
    pub(super) known: Known,
    pub(super) digest: Digest,
    pub(super) observer: Arc<dyn Observer>,
    /// Last in, first out: the instance used last has the warmest caches.
    idle: Mutex<Vec<Instance>>,
}

impl Guest {
    /// Links the code, and makes the first instance, which runs the guest's own `init` for at most `limit`.
    ///
    /// # Errors
    /// Whatever keeps the guest from being served; see [`LoadError`].
    pub async fn load(
        engine: &Engine,
        code: Code,
        capabilities: Capabilities,
        observer: Arc<dyn Observer>,
        budget: Budget,
        limit: Duration,
        laps: &mut Laps,
    ) -> Result<Self, LoadError> {
        let Code { compiled, state_bytes, debug_info, source, held_bytes: _ } = code;
        let contract = Contract::prepare(engine, &compiled)?;
        let idle = Mutex::default();
        let guest = Self {
            engine: engine.clone(),
            contract,
            capabilities,
            budget,
            state_bytes,
            debug_info,
            known: Known::default(),
            digest: source,
            observer,
            idle,
        };
        laps.done("link");
        let first = Instance::start(&guest, None, limit).await;
        laps.done("instance");
        let first = first.map_err(|failure| LoadError::Init(failure.within_limits()))?;
        if guest.contract.is_for_any_invocation() {
            guest.keep(first);
        }
        Ok(guest)
    }

    /// The digest of its `.wasm` file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Gives up the instances that wait for work, and with them what they keep in memory.
    pub fn release_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }

    /// Answers one event with an instance that nobody else uses meanwhile. An instance that answers, also with an error
    /// of its own, goes on to the next event; one that faults is thrown away.
    pub async fn invoke(&self, invocation: Invocation) -> Invoked {
        let mut spent = None;
        let answered = self.answer(invocation, &mut spent).await.map_err(Failure::within_limits);
        Invoked { answered, spent: Spent(spent) }
    }

    async fn answer(&self, invocation: Invocation, spent: &mut Option<Instance>) -> Result<Answer, Failure> {
        self.observer.served_by(&invocation.context.request_id, self.digest);
        let stop = Instant::now() + invocation.context.deadline.budget(self.capabilities.margin).guest;
        let left = || stop.saturating_duration_since(Instant::now());
        let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut instance = match waiting {
            Some(instance) => instance,
            None => Instance::start(self, Some(&invocation), left()).await?,
        };
        let handled = instance.handle(self, invocation, left()).await;
        let is_kept = self.capabilities.instances == Instances::Reuse && self.contract.is_for_any_invocation();
        if handled.is_ok() && is_kept {
            self.keep(instance);
        } else {
            *spent = Some(instance);
        }
        handled?
    }

    fn keep(&self, instance: Instance) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }
}

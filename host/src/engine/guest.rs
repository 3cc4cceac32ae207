//! This module holds guests that are ready to run: linked, type-checked and started once. Everything that can fail
//! before the first event happens before a [`Guest`] exists.
//!
//! See docs/decisions/38-one-invocation-per-command.md.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

#[cfg(feature = "network")]
use tokio::time::timeout;

use super::{
    Code, Engine, LoadError,
    contract::Contract,
    instance::{Instance, InstanceTemplate},
    store_limiter::MemoryPool,
    symbols::Known,
};
use crate::{
    capabilities::{Capabilities, Instances},
    digest::Digest,
    failure::{ErrorType, Failure},
    invocation::Invocation,
    lock::lock,
    observer::Observer,
    phase_timings::PhaseTimings,
    report::InstanceOrigin,
    response::Outcome,
    response_stream::ResponseWriter,
};

/// The hint for a failure of the host itself.
const REPORT: &str = "this is a fault of the host: please report it";

/// A guest that is ready to run, with its idle instances.
pub struct Guest {
    template: InstanceTemplate,
    /// The idle instances, last in, first out: the instance that was used last has the warmest caches.
    idle: Mutex<Vec<Instance>>,
}

impl Guest {
    /// Links the code, and makes the first instance, which runs the guest's own `init` for at most `limit`.
    ///
    /// # Errors
    /// Returns what keeps the guest from being served; see [`LoadError`].
    pub async fn load(
        engine: &Engine,
        code: Code,
        capabilities: Capabilities,
        observer: Arc<dyn Observer>,
        pool: MemoryPool,
        limit: Duration,
        timings: &mut PhaseTimings,
    ) -> Result<Self, LoadError> {
        let Code { compiled, state_bytes, debug_info, source, held_bytes: _ } = code;
        let contract = Contract::prepare(engine, &compiled)?;
        #[cfg(feature = "network")]
        if let Some(network) = &capabilities.grants.network {
            let fetched = timeout(limit, network.fetch_secrets()).await;
            let fetched = fetched.unwrap_or_else(|_| Err("the secrets do not come in time".to_owned()));
            fetched.map_err(|error| {
                let hint = "check its name, and that the function's role may read it";
                LoadError::Init(Failure::new(ErrorType::Config, error).hint(hint))
            })?;
        }
        let template = InstanceTemplate {
            engine: engine.clone(),
            contract,
            capabilities,
            pool,
            state_bytes,
            debug_info,
            known: Known::default(),
            digest: source,
            observer,
        };
        timings.record("link");
        let first = Instance::start(&template, None, limit).await;
        timings.record("instance");
        let first = first.map_err(|failure| LoadError::Init(failure.within_limits()))?;
        let is_kept = template.contract.is_for_any_invocation();
        Ok(Self { template, idle: Mutex::new(is_kept.then_some(first).into_iter().collect()) })
    }

    /// Returns the digest of the guest's `.wasm` file.
    pub fn digest(&self) -> Digest {
        self.template.digest
    }

    /// Drops the idle instances, which frees their memory.
    pub fn release_idle(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// Begins an invocation, with an instance that nothing else uses meanwhile: an idle one, or a new one that
    /// [`Running::response`] starts.
    ///
    /// `writer` sends a response that begins before the invocation ends.
    pub fn begin(self: &Arc<Self>, invocation: Invocation, writer: ResponseWriter) -> Running {
        let stop = Instant::now() + invocation.context.deadline.budget(self.template.capabilities.policy.margin).guest;
        let instance = lock(&self.idle).pop();
        let origin = if instance.is_some() { InstanceOrigin::Reused } else { InstanceOrigin::New };
        Running {
            guest: self.clone(),
            invocation: Some((invocation, writer)),
            stop,
            instance,
            origin,
            peak_memory_bytes: None,
        }
    }
}

/// An invocation that a guest handles. It is begun with [`Guest::begin`], [responds](Self::response), and
/// [ends](Self::end). Its instance is busy until the last byte of the response is known. A body that is known whole
/// frees the instance for the next event before the response is posted.
///
/// Dropping it also ends the invocation, but a busy instance is then not used again.
pub struct Running {
    guest: Arc<Guest>,
    /// The invocation with what sends its response, until the instance handles it.
    invocation: Option<(Invocation, ResponseWriter)>,
    /// When the guest is stopped.
    stop: Instant,
    /// The instance. `None` until it is started, and after it was returned to the guest.
    instance: Option<Instance>,
    origin: InstanceOrigin,
    /// The most memory that the instance had, in bytes. `None` until it has handled the event.
    peak_memory_bytes: Option<u64>,
}

/// Describes the instance of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct InstanceUse {
    /// How the instance was obtained.
    pub origin: InstanceOrigin,
    /// The most memory that the instance had, in bytes. `None` if it handled no event.
    pub peak_memory_bytes: Option<u64>,
}

impl Running {
    /// Has the instance handle the event, and returns the outcome. A second call fails, because the event was handled.
    pub async fn response(&mut self) -> Outcome {
        let Some((invocation, writer)) = self.invocation.take() else {
            return Err(Failure::new(ErrorType::Internal, "the event was already handled").hint(REPORT));
        };
        self.handle(invocation, writer).await.map_err(Failure::within_limits)
    }

    async fn handle(&mut self, invocation: Invocation, writer: ResponseWriter) -> Outcome {
        let left = || self.stop.saturating_duration_since(Instant::now());
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(Instance::start(&self.guest.template, Some(&invocation), left()).await?),
        };
        let handled = instance.handle(&self.guest.template, invocation, writer, left()).await;
        self.peak_memory_bytes = Some(instance.peak_memory_bytes());
        if handled.is_reusable {
            self.keep_instance();
        }
        handled.outcome
    }

    /// Returns the instance to the guest, if the settings and the contract allow that.
    fn keep_instance(&mut self) {
        let InstanceTemplate { capabilities, contract, .. } = &self.guest.template;
        let instances = capabilities.policy.instances.unwrap_or(contract.instances());
        if instances == Instances::Reuse && contract.is_for_any_invocation() {
            lock(&self.guest.idle).extend(self.instance.take());
        }
    }

    /// Returns what is known of the instance.
    pub fn instance(&self) -> InstanceUse {
        InstanceUse { origin: self.origin, peak_memory_bytes: self.peak_memory_bytes }
    }

    /// Ends the invocation, and drops an instance that is not used again. Freeing a gigabyte of memory takes the kernel
    /// a tenth of a second, so this belongs after the reply was sent.
    pub fn end(self) {
        drop(self);
    }
}

//! Runs the `init` that a guest may export beside its handler.

use wasmtime::{
    Result, Store,
    component::{Instance, InstancePre},
};

use crate::{
    engine::{bindings::lifecycle, store_state::StoreState},
    failure::Failure,
};

/// The type of `init`, as text.
#[cfg(feature = "compiler")]
pub(super) const INIT_TYPE: &str =
    "func() -> result<_, record { error-type: string, error-message: string, stack-trace: list<string> }>";

/// Where a guest's `init` is, if it has one.
pub(super) struct Lifecycle(Option<lifecycle::GuestIndices>);

impl Lifecycle {
    pub(super) fn find(pre: &InstancePre<StoreState>, is_there: bool) -> Result<Self> {
        Ok(Self(if is_there { Some(lifecycle::GuestIndices::new(pre)?) } else { None }))
    }

    #[cfg(feature = "network")]
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Runs `init`, if there is one. The inner error is the guest's own.
    pub(super) async fn init(&self, store: &mut Store<StoreState>, instance: &Instance) -> Result<Result<(), Failure>> {
        let Some(indices) = &self.0 else { return Ok(Ok(())) };
        let started = indices.load(&mut *store, instance)?.call_init(&mut *store).await?;
        Ok(started.map_err(Failure::from))
    }
}

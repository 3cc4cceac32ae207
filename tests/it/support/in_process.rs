//! Runs a host in this process, with an observer of the test's own.

use std::{
    num::NonZeroUsize,
    path::Path,
    pin::Pin,
    sync::{Arc, mpsc::channel},
    time::Duration,
};

use guesthouse::{
    artifact_policy::ArtifactPolicy,
    capabilities::Capabilities,
    config::FunctionInfo,
    engine::Engine,
    failure::Failure,
    observer::Observer,
    phase_timings::PhaseTimings,
    registry::{INIT_LIMIT, LoadRequest, RefreshThread, Registry},
    runtime_client::{self, Service, Serving},
    source::Source,
};
use tokio::runtime::Builder;

use super::{Fake, guests};

type Loading = Pin<Box<dyn Future<Output = Result<Arc<Service>, Failure>>>>;

/// Returns what loads a guest's file.
pub fn load(
    path: &Path,
    capabilities: Capabilities,
    observer: impl Observer + 'static,
) -> impl FnOnce() -> Loading + Send + 'static {
    let path = path.to_owned();
    move || {
        Box::pin(async move {
            let request = LoadRequest {
                handler: "guest".to_owned(),
                source: Source::File(path),
                policy: ArtifactPolicy::default(),
                capabilities,
                init_limit: INIT_LIMIT,
                is_watched: false,
            };
            let (engine, refresh_thread) = (Engine::new().unwrap(), RefreshThread::default());
            let registry =
                Registry::load(&engine, request, Arc::new(observer), refresh_thread, &mut PhaseTimings::start())
                    .await?;
            Ok(Arc::new(Service::new(registry, FunctionInfo::default())))
        })
    }
}

/// Loads a guest and serves it. `ended` is called when that has ended.
pub fn start(
    fake: &Fake,
    concurrency: usize,
    load: impl FnOnce() -> Loading + Send + 'static,
    ended: impl FnOnce() + Send + 'static,
) -> Serving {
    let concurrency = NonZeroUsize::new(concurrency).unwrap();
    let started = runtime_client::start(&fake.address, concurrency, LOAD_LIMIT, load, move |_| ended());
    Builder::new_current_thread().build().unwrap().block_on(started).unwrap()
}

/// Enough for a machine that has much else to do.
const LOAD_LIMIT: Duration = Duration::from_secs(180);

/// Serves the guest `talk`, until there is no Runtime API any more.
pub fn serve(authority: &str, observer: impl Observer + 'static, concurrency: usize) {
    let (end, ended) = channel();
    let load = load(&guests::path("talk"), Capabilities::default(), observer);
    let concurrency = NonZeroUsize::new(concurrency).unwrap();
    let started =
        runtime_client::start(authority, concurrency, LOAD_LIMIT, load, move |ended| end.send(ended).unwrap());
    Builder::new_current_thread().build().unwrap().block_on(started).unwrap();
    ended.recv().unwrap().unwrap_err();
}

//! The host's side of the Runtime API: events in, answers out, by our own loop or by AWS's.

mod clean_heads;
mod client;
mod direct;
mod official;
mod service;
mod shutdown;
mod watch;
pub mod wire;
mod worker;

use std::{num::NonZeroUsize, sync::Arc};

use tracing::error;

use self::client::RuntimeApiClient;
pub use self::service::Service;
use crate::{
    config::EdgeKind,
    failure::{Failure, chain},
};

/// Serves events until the Runtime API is gone.
///
/// # Errors
/// What ended it.
pub async fn serve(
    kind: EdgeKind,
    authority: &str,
    service: Arc<Service>,
    concurrency: NonZeroUsize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match kind {
        EdgeKind::Direct => Ok(direct::serve(authority, service, concurrency).await?),
        EdgeKind::LambdaRuntime => official::serve(authority, service).await,
    }
}

/// Tells Lambda why the host can't start.
pub async fn report_init_failure(authority: &str, failure: &Failure) {
    if let Err(unheard) = RuntimeApiClient::new(authority).init_error(failure).await {
        error!("the Runtime API did not take the init error: {}", chain(&unheard));
    }
}

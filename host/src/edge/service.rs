//! What both edges do with an event: headers and bytes in, an answer or a failure out.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use tracing::{error, warn};

use super::wire;
use crate::{
    config::{Config, FunctionInfo},
    engine::Engine,
    failure::{ErrorType, Failure},
    observer::Observer,
    registry::{LoadRequest, Registry},
};

/// One handler, ready to be called by an edge.
pub struct Service {
    /// Has the guest.
    pub registry: Registry,
    /// Goes into every context.
    pub function: FunctionInfo,
}

/// What to post, and to which invocation.
pub struct Reply {
    /// The invocation's id, as it came.
    pub request_id: HeaderValue,
    /// To be sent back where it came.
    pub invocation_id: Option<HeaderValue>,
    /// The answer, or why there is none.
    pub outcome: Result<Bytes, Failure>,
}

impl Service {
    /// Does all that comes before the first event.
    ///
    /// # Errors
    /// What keeps the handler from being served, as the Runtime API gets it.
    pub async fn load(config: &Config, observer: Arc<dyn Observer>) -> Result<Self, Failure> {
        let engine = Engine::new().map_err(|error| error.into_failure(&config.handler))?;
        let request = LoadRequest {
            handler: config.handler.clone(),
            source: config.source.clone(),
            digest: config.digest,
            capabilities: config.capabilities.clone(),
        };
        let registry = Registry::load(&engine, request, observer).await?;
        Ok(Self { registry, function: config.function.clone() })
    }

    /// Answers one event. `None` when the headers name no invocation to answer.
    pub async fn reply(&self, headers: &HeaderMap, event: Bytes) -> Option<Reply> {
        let invocation = wire::invocation(headers, event, &self.function).zip(headers.get(wire::REQUEST_ID));
        let Some((invocation, id)) = invocation else {
            warn!("an event came without `{}` and can't be answered", wire::REQUEST_ID);
            return None;
        };
        let request_id = invocation.context.request_id.clone();
        let guest = self.registry.get();
        let outcome = guest.invoke(invocation).await.and_then(|answer| within_limit(Bytes::from(answer)));
        if let Err(failure) = &outcome {
            error!(%request_id, "{failure}");
        }
        Some(Reply { request_id: id.clone(), invocation_id: headers.get(wire::INVOCATION_ID).cloned(), outcome })
    }
}

fn within_limit(answer: Bytes) -> Result<Bytes, Failure> {
    let (bytes, limit) = (answer.len(), wire::PAYLOAD_LIMIT_BYTES);
    if bytes <= limit {
        return Ok(answer);
    }
    let message = format!("the answer has {bytes} bytes, but Lambda takes at most {limit}");
    Err(Failure::new(ErrorType::ResponseSizeTooLarge, message).hint("put the answer into S3 and return where it is"))
}

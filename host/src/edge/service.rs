//! What both edges do with an event: headers and bytes in, an answer or a failure out.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use tracing::{error, warn};

use super::wire;
use crate::{
    config::Function,
    failure::{ErrorType, Failure},
    registry::Registry,
};

/// One handler, ready to be called by an edge.
pub struct Service {
    pub registry: Registry,
    pub function: Function,
}

/// What to post, and to which invocation.
pub struct Reply {
    pub request_id: String,
    /// To be sent back where it came.
    pub invocation_id: Option<HeaderValue>,
    pub outcome: Result<Bytes, Failure>,
}

impl Service {
    /// Answers one event. `None` when the headers name no invocation to answer.
    pub async fn reply(&self, headers: &HeaderMap, event: Bytes) -> Option<Reply> {
        let Some(invocation) = wire::invocation(headers, event, &self.function) else {
            warn!("an event came without `{}` and can't be answered", wire::REQUEST_ID);
            return None;
        };
        let request_id = invocation.context.request_id.clone();
        let guest = self.registry.get();
        let outcome = guest.invoke(invocation).await.and_then(|answer| within_limit(Bytes::from(answer)));
        if let Err(failure) = &outcome {
            error!(%request_id, "{failure}");
        }
        Some(Reply { request_id, invocation_id: headers.get(wire::INVOCATION_ID).cloned(), outcome })
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

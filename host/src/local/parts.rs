//! This module hands a function's response to the caller, part by part.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::{failure::Failure, invocation::PAYLOAD_LIMIT_BYTES, runtime_client::wire};

/// A part of what an invocation gives its caller.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole response of a function that does not stream. The end follows.
    Whole(Bytes),
    /// A streamed response begins. The worker named this media type.
    Begins(Option<String>),
    /// Bytes of a streamed response.
    Bytes(Bytes),
    /// The invocation has ended.
    End(Ended),
}

/// Describes how an invocation ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The error object, if the invocation failed, also if that was in the middle of a streamed response.
    pub error: Option<Bytes>,
    /// The end of the log: START, the guest's lines, END and REPORT.
    pub log_tail: Vec<u8>,
}

/// Holds the outcome of a call whose response was collected.
pub struct Outcome {
    /// The response's bytes, or the error object.
    pub result: Result<Bytes, Bytes>,
    /// The end of the log: START, the guest's lines, END and REPORT.
    pub log_tail: Vec<u8>,
}

/// Receives the parts of one invocation. The invocation continues when this is dropped, as on Lambda.
pub struct Parts(mpsc::Receiver<Part>);

impl Parts {
    /// Returns the parts, and where they are sent. One part waits for the caller at a time.
    pub(super) fn channel() -> (mpsc::Sender<Part>, Self) {
        let (to, parts) = mpsc::channel(1);
        (to, Self(parts))
    }

    /// Returns the next part. The last one is [`Part::End`].
    pub async fn next(&mut self) -> Part {
        self.0.recv().await.unwrap_or_else(|| {
            let error = error_object("Runtime.ExitError", "the invocation ended without a result");
            Part::End(Ended { error: Some(error), log_tail: Vec::new() })
        })
    }

    /// Waits for the end, and returns all bytes of the response. A streamed response may be as large as a buffered one.
    pub async fn collected(mut self) -> Outcome {
        self.rest().await
    }

    /// Waits for the end, and returns the bytes that come until then, as [`Self::collected`] does.
    pub(super) async fn rest(&mut self) -> Outcome {
        let (mut body, mut is_too_large) = (BytesMut::new(), false);
        loop {
            match self.next().await {
                Part::Whole(whole) => body = BytesMut::from(whole),
                Part::Begins(_) => {}
                Part::Bytes(bytes) if body.len() + bytes.len() <= PAYLOAD_LIMIT_BYTES && !is_too_large => {
                    body.extend_from_slice(&bytes);
                }
                // The rest is received all the same, because the invocation waits for it.
                Part::Bytes(_) => (is_too_large, body) = (true, BytesMut::new()),
                Part::End(Ended { error, log_tail }) => {
                    let result = match error {
                        Some(error) => Err(error),
                        None if is_too_large => Err(too_large(PAYLOAD_LIMIT_BYTES)),
                        None => Ok(body.freeze()),
                    };
                    return Outcome { result, log_tail };
                }
            }
        }
    }
}

/// Returns the error object of a response that is larger than `limit`.
pub(super) fn too_large(limit: usize) -> Bytes {
    let message = format!("the response has more than {limit} bytes, which is the most that Lambda takes");
    wire::error_body(&Failure::response_too_large(message))
}

/// Returns an error object, as the Runtime API has it.
pub(super) fn error_object(error_type: &str, message: &str) -> Bytes {
    serde_json::json!({"errorType": error_type, "errorMessage": message}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn collect(sent: Vec<Part>) -> Result<Bytes, Bytes> {
        let (to, parts) = Parts::channel();
        let send = async move {
            for part in sent {
                to.send(part).await.unwrap();
            }
        };
        tokio::join!(send, parts.collected()).1.result
    }

    fn pieces(sizes: &[usize], error: Option<Bytes>) -> Vec<Part> {
        let bytes = sizes.iter().map(|&size| Part::Bytes(vec![b'x'; size].into()));
        let end = Part::End(Ended { error, log_tail: Vec::new() });
        [Part::Begins(None)].into_iter().chain(bytes).chain([end]).collect()
    }

    #[tokio::test]
    async fn a_streamed_response_of_6_mb_is_collected_and_a_larger_one_is_an_error() {
        assert_eq!(collect(pieces(&[1, 2, 3], None)).await.unwrap().len(), 6);
        assert_eq!(collect(pieces(&[PAYLOAD_LIMIT_BYTES - 1, 1], None)).await.unwrap().len(), PAYLOAD_LIMIT_BYTES);
        for sizes in [&[PAYLOAD_LIMIT_BYTES, 1][..], &[PAYLOAD_LIMIT_BYTES + 1], &[PAYLOAD_LIMIT_BYTES, 1, 1]] {
            let error = collect(pieces(sizes, None)).await.unwrap_err();
            let error: serde_json::Value = serde_json::from_slice(&error).unwrap();
            assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
            assert!(error["errorMessage"].as_str().unwrap().contains("more than 6291556 bytes"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_the_outcome() {
        let error = Bytes::from_static(b"{}");
        assert_eq!(collect(pieces(&[1], Some(error.clone()))).await, Err(error));
    }

    #[tokio::test]
    async fn an_invocation_that_ends_without_a_result_is_an_error() {
        assert!(collect(vec![Part::Begins(None)]).await.is_err());
    }
}

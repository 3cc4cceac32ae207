use std::{
    fmt::Debug,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use bytes::Bytes;
use guesthouse_executor::respond;
use pin_project_lite::pin_project;
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;
use tower::Service;
use tracing::error;

use crate::{
    Diagnostic, Error, FunctionResponse, IntoFunctionResponse, LambdaEvent, LambdaInvocation,
    deserializer::deserialize, response::Sending,
};

/// The innermost service: it has the handler answer an invocation.
pub struct AnswerService<F, A, R, B, S> {
    handler: F,
    types: PhantomData<Types<A, R, B, S>>,
}

/// What a handler takes and returns: it holds none of it.
type Types<A, R, B, S> = fn(A) -> (R, B, S);

impl<F, A, R, B, S> AnswerService<F, A, R, B, S> {
    pub fn new(handler: F) -> Self {
        Self { handler, types: PhantomData }
    }
}

impl<F: Clone, A, R, B, S> Clone for AnswerService<F, A, R, B, S> {
    fn clone(&self) -> Self {
        Self::new(self.handler.clone())
    }
}

impl<F, A, R, B, S, D, E> Service<LambdaInvocation> for AnswerService<F, A, R, B, S>
where
    F: Service<LambdaEvent<A>, Response = R>,
    F::Future: Future<Output = Result<R, F::Error>>,
    F::Error: Into<Diagnostic> + Debug,
    A: for<'de> Deserialize<'de>,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
    S: Stream<Item = Result<D, E>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send,
    E: Into<Error> + Send + Debug,
{
    type Response = ();
    type Error = Error;
    type Future = Answer<F::Future, R, B, S>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Error>> {
        self.handler.poll_ready(task).map_err(|error| {
            let Diagnostic { error_type, error_message } = error.into();
            format!("{error_type}: {error_message}").into()
        })
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let (handling, refused) = match deserialize(&invocation.body) {
            Ok(payload) => (Some(self.handler.call(LambdaEvent::new(payload, invocation.context))), None),
            Err(error) => (None, Some(error.into())),
        };
        Answer { handling, refused, sending: None, types: PhantomData }
    }
}

pin_project! {
    /// The future that gives the host a response.
    pub struct Answer<Fut, R, B, S> {
        #[pin]
        handling: Option<Fut>,
        refused: Option<Diagnostic>,
        sending: Option<Sending<S>>,
        types: PhantomData<fn() -> (R, B)>,
    }
}

impl<Fut, R, B, S, D, E, F> Future for Answer<Fut, R, B, S>
where
    Fut: Future<Output = Result<R, F>>,
    F: Into<Diagnostic> + Debug,
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
    S: Stream<Item = Result<D, E>> + Unpin,
    D: Into<Bytes>,
    E: Into<Error>,
{
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let response = if let Some(refused) = this.refused.take() {
            Err(refused)
        } else if let Some(handling) = this.handling.as_mut().as_pin_mut() {
            let handled = ready!(handling.poll(task));
            this.handling.set(None);
            match handled.map(IntoFunctionResponse::into_response) {
                Ok(FunctionResponse::BufferedResponse(response)) => serialize(&response),
                Ok(FunctionResponse::StreamingResponse(response)) if R::MAY_STREAM => {
                    ready!(this.sending.insert(response.into()).poll(task)).map(|()| String::new())
                }
                Ok(FunctionResponse::StreamingResponse(_)) => unreachable!("it says that it does not stream"),
                Err(error) => {
                    error!("{error:?}");
                    Err(error.into())
                }
            }
        } else if let Some(sending) = this.sending.as_mut().filter(|_| R::MAY_STREAM) {
            ready!(sending.poll(task)).map(|()| String::new())
        } else {
            panic!("polled after its end");
        };
        *this.sending = None;
        respond(response.map_err(Into::into));
        Poll::Ready(Ok(()))
    }
}

fn serialize(response: &impl Serialize) -> Result<String, Diagnostic> {
    serde_json::to_string(response).map_err(|error| Error::from(error).into())
}

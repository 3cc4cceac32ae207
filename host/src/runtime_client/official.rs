//! AWS's own loop, `lambda_runtime`, with a layer of ours that takes the raw event and posts the raw response.
//!
//! It is a choice for those who want AWS's code to talk to Lambda. It can't keep two of our promises, because they are
//! broken before our layer is called: an odd client context ends the process, and so does a Runtime API that fails
//! once.
//!
//! See docs/decisions/01-two-runtime-clients.md.

use std::{
    future::Future,
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use tokio::runtime::Builder;
use tower::{Layer, Service as TowerService};

use super::{
    client::RuntimeApiClient,
    executor, running,
    service::Service,
    start_failure::{panicked, stuck},
    wire::EventHeaders,
    worker::deliver,
};
use crate::{failure::Failure, lock::lock};

/// Loads the guest, for at most `limit`, and serves it on a thread of its own. Returns how serving ended.
///
/// # Errors
/// The outer error is a thread that can't be started, the inner one what keeps the guest from being served.
pub fn run<L, F>(
    authority: &str,
    concurrency: NonZeroUsize,
    limit: Duration,
    load: L,
) -> io::Result<Result<Result<(), lambda_runtime::Error>, Failure>>
where
    L: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<Arc<Service>, Failure>>,
{
    let executor = executor::build(builder(concurrency))?;
    let authority = authority.to_owned();
    let ((loaded_sender, loaded), (served_sender, served)) = (mpsc::channel(), mpsc::channel());
    thread::Builder::new().name("worker".to_owned()).spawn(move || {
        executor.block_on(async {
            match load().await {
                // Nobody receives any more when the start took too long.
                Ok(service) if loaded_sender.send(Ok(())).is_ok() => {
                    drop(served_sender.send(serve(&authority, service).await));
                }
                Ok(_) => {}
                Err(failure) => drop(loaded_sender.send(Err(failure))),
            }
        });
        executor.shutdown_background();
    })?;
    Ok(match loaded.recv_timeout(limit) {
        Ok(Ok(())) => served.recv().map_err(|_| panicked()),
        Ok(Err(failure)) => Err(failure),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(stuck(limit)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(panicked()),
    })
}

/// Serves with as many workers as `AWS_LAMBDA_MAX_CONCURRENCY` says, which `lambda_runtime` reads itself.
///
/// # Errors
/// Whatever ends `lambda_runtime`.
async fn serve(authority: &str, service: Arc<Service>) -> Result<(), lambda_runtime::Error> {
    service.started("nothing more");
    service.flush_log();
    // It is never called: our layer does not pass on to it.
    let unused = service_fn(|event: LambdaEvent<serde::de::IgnoredAny>| async move {
        drop(event);
        Ok::<(), lambda_runtime::Error>(())
    });
    let clients = Arc::new(Clients { authority: authority.to_owned(), idle: Mutex::default() });
    Runtime::new(unused).layer(Raw { service, clients }).run_concurrent().await
}

fn builder(concurrency: NonZeroUsize) -> Builder {
    if concurrency == NonZeroUsize::MIN {
        return Builder::new_current_thread();
    }
    let mut builder = Builder::new_multi_thread();
    // Timers and sockets are checked after every poll of a task. Guests that compute would otherwise delay them.
    builder.event_interval(1);
    builder
}

/// Holds connections for responses: `lambda_runtime` does not share its own.
struct Clients {
    authority: String,
    idle: Mutex<Vec<RuntimeApiClient>>,
}

impl Clients {
    fn take(&self) -> RuntimeApiClient {
        let idle = lock(&self.idle).pop();
        idle.unwrap_or_else(|| RuntimeApiClient::new(&self.authority))
    }

    fn keep(&self, client: RuntimeApiClient) {
        lock(&self.idle).push(client);
    }
}

/// Is a layer that replaces the whole service below it.
#[derive(Clone)]
struct Raw {
    service: Arc<Service>,
    clients: Arc<Clients>,
}

impl<S> Layer<S> for Raw {
    type Service = Self;

    fn layer(&self, _: S) -> Self {
        self.clone()
    }
}

impl TowerService<LambdaInvocation> for Raw {
    type Response = ();
    type Error = lambda_runtime::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let Self { service, clients } = self.clone();
        Box::pin(async move {
            let headers = EventHeaders::from(&invocation.parts.headers);
            let Some(accepted) = service.accept(&headers, Instant::now()) else { return Ok(()) };
            let mut client = clients.take();
            let reply = running::run(&service, &mut client, accepted, &headers, invocation.body, || false).await;
            // `deliver` logs how the post went.
            let _ = deliver(&mut client, &service, reply).await;
            clients.keep(client);
            service.flush_log();
            Ok(())
        })
    }
}

impl From<&HeaderMap> for EventHeaders {
    fn from(map: &HeaderMap) -> Self {
        let mut headers = Self::default();
        map.iter().for_each(|(name, value)| headers.insert(name.as_str(), || Bytes::copy_from_slice(value.as_bytes())));
        headers
    }
}

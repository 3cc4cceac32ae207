//! AWS's own loop, `lambda_runtime`, with a layer of ours that takes the raw event and posts the raw answer.
//!
//! A choice for those who want AWS's code to talk to Lambda. What it can't keep of our promises, because it happens before
//! our layer is called: an odd client context ends the process, and so does a Runtime API that fails once.

use std::{
    future::Future,
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, mpsc},
    task::{Context, Poll},
    thread,
    time::Duration,
};

use bytes::Bytes;
use hyper::HeaderMap;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use tokio::runtime::Builder;
use tower::{Layer, Service as TowerService};
use tracing::error;

use super::{
    Service,
    client::RuntimeApiClient,
    wire::{self, EventHeaders},
};
use crate::{
    config::EdgeKind,
    failure::{Failure, chain},
};

/// Loads the guest, for at most `limit`, and serves it, on a thread of its own. The outer `Err` is a thread that can't be started, the
/// inner one what keeps the guest from being served.
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
    let executor = super::executor(EdgeKind::LambdaRuntime, concurrency)?;
    let authority = authority.to_owned();
    let ((tell_loaded, loaded), (tell_served, served)) = (mpsc::channel(), mpsc::channel());
    thread::Builder::new().name("worker".to_owned()).spawn(move || {
        executor.block_on(async {
            match load().await {
                // Nobody listens any more where the start took too long.
                Ok(service) if tell_loaded.send(Ok(())).is_ok() => {
                    drop(tell_served.send(serve(&authority, service).await));
                }
                Ok(_) => {}
                Err(failure) => drop(tell_loaded.send(Err(failure))),
            }
        });
        executor.shutdown_background();
    })?;
    let died = |_| super::direct::died();
    Ok(match loaded.recv_timeout(limit) {
        Ok(Ok(())) => served.recv().map_err(died),
        Ok(Err(failure)) => Err(failure),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(super::direct::stuck(limit)),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(super::direct::died()),
    })
}

/// Serves with as many workers as `AWS_LAMBDA_MAX_CONCURRENCY` says, which `lambda_runtime` reads itself.
///
/// # Errors
/// Whatever ends `lambda_runtime`.
async fn serve(authority: &str, service: Arc<Service>) -> Result<(), lambda_runtime::Error> {
    service.started("nothing more");
    service.flush_log();
    // Never called: our layer does not pass on to it.
    let unused = service_fn(|event: LambdaEvent<serde::de::IgnoredAny>| async move {
        drop(event);
        Ok::<(), lambda_runtime::Error>(())
    });
    let clients = Arc::new(Clients { authority: authority.to_owned(), idle: Mutex::default() });
    Runtime::new(unused).layer(Raw { service, clients }).run_concurrent().await
}

/// What it works on.
pub fn executor(concurrency: NonZeroUsize) -> Builder {
    if concurrency == NonZeroUsize::MIN {
        return Builder::new_current_thread();
    }
    let mut builder = Builder::new_multi_thread();
    // Guests that compute would else keep their threads from looking at deadlines and sockets for many of their turns.
    builder.event_interval(1);
    builder
}

/// Connections for answers: `lambda_runtime` does not share its own.
struct Clients {
    authority: String,
    idle: Mutex<Vec<RuntimeApiClient>>,
}

impl Clients {
    fn take(&self) -> RuntimeApiClient {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| RuntimeApiClient::new(&self.authority))
    }

    fn keep(&self, client: RuntimeApiClient) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
    }
}

/// Takes the place of the whole service below it.
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
            let Some(reply) = service.reply(&EventHeaders::from(&invocation.parts.headers), invocation.body).await
            else {
                return Ok(());
            };
            let mut client = clients.take();
            let posted = client.answer(&reply.to, reply.outcome).await;
            clients.keep(client);
            if let Err(failed) = posted {
                error!(request_id = %wire::lossy(&reply.to.request_id), "the answer is lost: {}", chain(&failed));
            }
            service.flush_log();
            Ok(())
        })
    }
}

impl From<&HeaderMap> for EventHeaders {
    fn from(map: &HeaderMap) -> Self {
        let mut headers = Self::default();
        map.iter().for_each(|(name, value)| headers.hear(name.as_str(), Bytes::copy_from_slice(value.as_bytes())));
        headers
    }
}

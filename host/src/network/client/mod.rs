//! This module sends the requests of one handler's guests, after the rules granted them.
//!
//! ```text
//! request ──▶ pool ──▶ (resolve ──▶ connect, tls) ──▶ response, whose body returns the connection to the pool
//! ```

mod connect;
mod get;
mod pool;
mod progress;
mod proxy;
mod request;
mod resolve;
mod response_body;
mod stream;
mod tls;

use std::{sync::Arc, time::Duration};

use http::{Request, Response, header::PROXY_AUTHORIZATION};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{sync::OwnedSemaphorePermit, task::yield_now, time::timeout};

use self::{
    connect::{Sender, connect},
    pool::{Key, Pool},
    progress::{Progress, Watched},
    proxy::Proxies,
    request::path_of,
    resolve::{Lookup, system_lookup},
    response_body::Connection,
};
pub use self::{
    get::get,
    request::{BodyError, RequestBody},
    response_body::ResponseBody,
    stream::Stream,
    tls::secure,
};
use super::{Error, rules::Grant, runtime_api::RuntimeApi};

/// How long the guest wants to wait at most. The invocation's deadline holds besides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeouts {
    /// The time to establish a connection.
    pub connect: Option<Duration>,
    /// The time until the response begins.
    pub first_byte: Option<Duration>,
    /// The time in which nothing of the body comes.
    pub between_bytes: Option<Duration>,
}

/// Sends requests, and keeps their connections.
pub struct Client {
    pool: Arc<Pool>,
    proxies: Proxies,
    runtime_api: RuntimeApi,
    lookup: Lookup,
}

impl Client {
    /// Returns a client without connections. `variable` has the environment variables that name proxies.
    pub fn new(runtime_api: RuntimeApi, variable: impl Fn(&str) -> Option<String>) -> Self {
        Self { pool: Arc::default(), proxies: Proxies::new(variable), runtime_api, lookup: system_lookup }
    }

    /// Sends a request to what is granted. Its address has a scheme, an authority and a path.
    ///
    /// # Errors
    /// Returns the reason why there is no response.
    pub async fn send(
        &self,
        grant: &Grant,
        mut request: Request<RequestBody>,
        timeouts: Timeouts,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response<ResponseBody>, Error> {
        let is_secure = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        let proxy = self.proxies.for_request(request.uri());
        match &proxy {
            // A proxy without a tunnel is told the whole address.
            Some(proxy) if !is_secure => {
                if let Some(authorization) = &proxy.authorization {
                    request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
                }
            }
            _ => *request.uri_mut() = path_of(request.uri())?,
        }
        let key = Key::new(grant.host.clone(), grant.port, is_secure);
        let connecting = || async {
            let connecting = connect(grant, is_secure, proxy.as_ref(), &self.runtime_api, self.lookup);
            match timeouts.connect {
                Some(limit) => timeout(limit, connecting).await.unwrap_or(Err(Error::ConnectTimeout)),
                None => connecting.await,
            }
        };
        let (response, sender) = self.exchange(&key, request, timeouts.first_byte, connecting).await?;
        let connection = Connection { sender, key, pool: self.pool.clone(), permit };
        Ok(response.map(|body| ResponseBody::new(body, connection, timeouts.between_bytes)))
    }

    /// Sends the request on a connection that is kept, or on a new one.
    async fn exchange<F: Future<Output = Result<Sender, Error>>>(
        &self,
        key: &Key,
        mut request: Request<RequestBody>,
        first_byte: Option<Duration>,
        connect: impl Fn() -> F,
    ) -> Result<(Response<Incoming>, Sender), Error> {
        let progress = Progress::begin();
        if first_byte.is_some() && !request.body().is_end_stream() {
            request = request.map(|body| Watched::new(body, progress.clone()).boxed_unsync());
        }
        // The server may have closed a kept connection meanwhile, for example while the process was frozen. The task
        // that drives the connection sees that in its turn.
        yield_now().await;
        loop {
            let kept = self.pool.take(key);
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => connect().await?,
            };
            progress.note();
            let sending = async {
                let sent = sender.try_send_request(request).await;
                Ok::<_, Error>(sent)
            };
            let sent = match first_byte {
                Some(limit) => progress.within(limit, sending).await?,
                None => sending.await?,
            };
            match sent {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    // Nothing of the request was sent, so it can't be processed twice.
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(error.into_error().into()),
                },
            }
        }
    }
}

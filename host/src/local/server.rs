//! This module serves callers: at Lambda's Invoke API, and at the URLs of functions.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use hyper::{Request, Response, body::Incoming, header::HeaderValue, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tracing::debug;

use super::{
    Functions, accept,
    body::Body,
    caller,
    front::Site,
    function_urls::{self, Peer},
    ids, invoke_api,
};

/// Serves callers until the future is dropped. The URLs show functions the requests of `site`.
pub async fn serve(listener: TcpListener, functions: Arc<Functions>, site: Site) {
    let site = Arc::new(site);
    let port = listener.local_addr().map_or(0, |address| address.port());
    loop {
        let stream = accept(&listener).await;
        let client = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
        let (functions, site) = (functions.clone(), site.clone());
        let respond = service_fn(move |request| {
            let (functions, site) = (functions.clone(), site.clone());
            async move { Ok::<_, Infallible>(respond(&functions, &site, Peer { client, port }, request).await) }
        });
        tokio::spawn(async move {
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await {
                debug!("a caller's connection ended: {error}");
            }
        });
    }
}

async fn respond(functions: &Functions, site: &Site, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let request_id = ids::request_id(request.headers());
    let has_own_origin = caller::label(request.headers()).is_some();
    let mut response = if has_own_origin || request.uri().path().starts_with(function_urls::PREFIX) {
        function_urls::respond(functions, site, peer, &request_id, request).await
    } else {
        invoke_api::respond(functions, &request_id, request).await
    };
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(ids::REQUEST_ID, id);
    }
    response
}

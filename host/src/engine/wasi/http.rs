//! This module provides `wasi:http`: it links wasmtime-wasi-http's implementation of requests, responses and
//! `outgoing-handler`, and limits what a guest could make the host hold. `http_hooks` sends the requests.
//!
//! Requests that no rule grants fail when they are sent, not when the guest is linked. So one guest runs with and
//! without a network.

use wasmtime::{
    Result, StoreContextMut, bail,
    component::{Linker, LinkerInstance, Resource, ResourceTable},
};
use wasmtime_wasi_http::{
    Error as WasiError, FieldMap, RequestOptions, WasiHttpView,
    p2::{
        bindings::http::{
            outgoing_handler::Host as _,
            types::{
                ErrorCode, HeaderError, Host as _, HostFields, HostOutgoingRequest as _,
                HostOutgoingResponse as HostOutgoingResponses, IoError, Method, Scheme,
            },
        },
        body::HostIncomingBody,
        types::{
            HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest,
            HostOutgoingResponse,
        },
    },
};

use super::{super::store_state::StoreState, http_streaming};

/// The maximum size of a request's path with its query, in bytes.
const PATH_LIMIT_BYTES: usize = 32 * 1024;

/// The maximum length of a host with its port, of a method, and of a scheme, in bytes.
const WORD_LIMIT_BYTES: usize = 512;

/// The maximum number of lists of headers, of requests that were not sent, and of responses, which an instance may have
/// open together.
const OPEN_LIMIT: usize = 256;

/// The number of requests that were received, and of their bodies, which an instance may keep for the next one.
const KEPT_LIMIT: usize = 2;

/// The maximum number of requests that were sent and whose responses the guest has not taken.
const SENT_LIMIT: usize = 128;

/// The version under which wasmtime-wasi-http links its interfaces.
const VERSION: &str = "0.2.12";

/// Links `wasi:http` for outgoing requests.
///
/// # Errors
/// If wasmtime-wasi-http defines an item twice, which it does not.
pub(in crate::engine) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    limit_types(&mut linker.instance(&format!("wasi:http/types@{VERSION}"))?)?;
    limit_handler(&mut linker.instance(&format!("wasi:http/outgoing-handler@{VERSION}"))?)?;
    http_streaming::link(linker, VERSION)?;
    linker.allow_shadowing(false);
    Ok(())
}

type Store<'a> = StoreContextMut<'a, StoreState>;
type Done = Result<(core::result::Result<(), ()>,)>;

/// Shadows the functions that make new things, and those that take texts of any length.
fn limit_types(types: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    types.func_wrap("[constructor]fields", |mut store: Store<'_>, (): ()| {
        check_open(store.data_mut().table())?;
        Ok((HostFields::new(&mut store.data_mut().http())?,))
    })?;
    types.func_wrap("[static]fields.from-list", |mut store: Store<'_>, (list,): (Vec<(String, Vec<u8>)>,)| {
        check_open(store.data_mut().table())?;
        let mut http = store.data_mut().http();
        let made: core::result::Result<Resource<FieldMap>, HeaderError> = match http.from_list(list) {
            Ok(fields) => Ok(fields),
            Err(error) => Err(http.convert_header_error(error)?),
        };
        Ok((made,))
    })?;
    types.func_wrap("[method]fields.clone", |mut store: Store<'_>, (fields,): (Resource<FieldMap>,)| {
        check_open(store.data_mut().table())?;
        Ok((HostFields::clone(&mut store.data_mut().http(), fields)?,))
    })?;
    types.func_wrap("[constructor]outgoing-response", |mut store: Store<'_>, (headers,): (Resource<FieldMap>,)| {
        check_open(store.data_mut().table())?;
        Ok((HostOutgoingResponses::new(&mut store.data_mut().http(), headers)?,))
    })?;
    types.func_wrap("http-error-code", |mut store: Store<'_>, (error,): (Resource<IoError>,)| {
        Ok((code_of(store.data_mut().table(), &error)?,))
    })?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: Store<'_>, (request, method): (Resource<HostOutgoingRequest>, Method)| -> Done {
            match &method {
                Method::Other(name) if name.len() > WORD_LIMIT_BYTES => Ok((Err(()),)),
                _ => Ok((store.data_mut().http().set_method(request, method)?,)),
            }
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-scheme",
        |mut store: Store<'_>, (request, scheme): (Resource<HostOutgoingRequest>, Option<Scheme>)| -> Done {
            match &scheme {
                Some(Scheme::Other(name)) if name.len() > WORD_LIMIT_BYTES => Ok((Err(()),)),
                _ => Ok((store.data_mut().http().set_scheme(request, scheme)?,)),
            }
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: Store<'_>, (request, authority): (Resource<HostOutgoingRequest>, Option<String>)| -> Done {
            match &authority {
                Some(text) if text.len() > WORD_LIMIT_BYTES => Ok((Err(()),)),
                _ => Ok((store.data_mut().http().set_authority(request, authority)?,)),
            }
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut store: Store<'_>, (request, path): (Resource<HostOutgoingRequest>, Option<String>)| -> Done {
            match &path {
                Some(text) if text.len() > PATH_LIMIT_BYTES => Ok((Err(()),)),
                _ => Ok((store.data_mut().http().set_path_with_query(request, path)?,)),
            }
        },
    )
}

/// Returns the code of an error that a stream of a response ended with. wasmtime-wasi-http only knows those of its own.
fn code_of(table: &ResourceTable, error: &Resource<IoError>) -> Result<Option<ErrorCode>> {
    let error = table.get(error)?;
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Ok(Some(code.clone()));
    }
    Ok(error.downcast_ref::<WasiError>().map(|error| match error {
        WasiError::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        WasiError::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        WasiError::HttpProtocolError => ErrorCode::HttpProtocolError,
        other => ErrorCode::InternalError(Some(other.to_string())),
    }))
}

/// Shadows `handle`, which begins a request.
fn limit_handler(handler: &mut LinkerInstance<'_, StoreState>) -> Result<()> {
    type Options = Option<Resource<RequestOptions>>;
    type Begun = core::result::Result<Resource<HostFutureIncomingResponse>, ErrorCode>;
    handler.func_wrap(
        "handle",
        |mut store: Store<'_>, (request, options): (Resource<HostOutgoingRequest>, Options)| -> Result<(Begun,)> {
            let sent = store.data_mut().table().iter_mut().filter(|entry| entry.is::<HostFutureIncomingResponse>());
            if sent.count() >= SENT_LIMIT {
                store.data_mut().table().delete(request)?;
                return Ok((Err(ErrorCode::ConnectionLimitReached),));
            }
            let mut http = store.data_mut().http();
            match http.handle(request, options) {
                Ok(future) => Ok((Ok(future),)),
                Err(error) => Ok((Err(http.convert_error_code(error)?),)),
            }
        },
    )
}

/// Returns whether an instance keeps so many requests that it received, or bodies of these, that it should not get
/// another. Each may hold an event of 6 MB, which nothing else counts.
pub(in crate::engine) fn keeps_too_many_requests(table: &mut ResourceTable) -> bool {
    let kept = table.iter_mut().filter(|entry| entry.is::<HostIncomingRequest>() || entry.is::<HostIncomingBody>());
    kept.count() > KEPT_LIMIT
}

/// Checks that the instance may have one more of the things of which each may be large.
fn check_open(table: &mut ResourceTable) -> Result<()> {
    let open = table.iter_mut().filter(|entry| {
        entry.is::<FieldMap>()
            || entry.is::<HostOutgoingRequest>()
            || entry.is::<HostIncomingResponse>()
            || entry.is::<HostOutgoingResponse>()
    });
    if open.count() >= OPEN_LIMIT {
        bail!("a guest may have at most {OPEN_LIMIT} lists of headers, requests and responses open");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_may_open_lists_of_headers_up_to_the_limit() {
        let mut table = ResourceTable::new();
        for _ in 0..OPEN_LIMIT {
            check_open(&mut table).unwrap();
            table.push(FieldMap::new_mutable(1)).unwrap();
        }
    }

    #[test]
    fn one_list_of_headers_more_than_the_limit_is_refused_until_one_is_closed() {
        let mut table = ResourceTable::new();
        let mut lists: Vec<_> = (0..OPEN_LIMIT).map(|_| table.push(FieldMap::new_mutable(1)).unwrap()).collect();
        let refused = check_open(&mut table).unwrap_err();
        assert_eq!(refused.to_string(), "a guest may have at most 256 lists of headers, requests and responses open");
        table.delete(lists.pop().unwrap()).unwrap();
        check_open(&mut table).unwrap();
    }
}

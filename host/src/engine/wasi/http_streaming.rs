//! Lets the host send what a guest wrote of a streamed response before the guest goes on.
//!
//! The guest and the post of its response share a thread. A guest that computes, or that a call holds up, would delay
//! what it wrote before until it next waits for something. So while a response is streamed, the calls by which a guest
//! hands pieces of it over let the post go first.

use tokio::task::yield_now;
use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::{
    DynOutputStream, StreamError,
    bindings::io::streams::{Host as _, HostOutputStream},
};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    p2::{
        bindings::http::types::{ErrorCode, HostResponseOutparam as HostResponseOutparams},
        types::{HostOutgoingResponse, HostResponseOutparam},
    },
};

use super::super::store_state::StoreState;

type Store<'a> = StoreContextMut<'a, StoreState>;
type Stream = Resource<DynOutputStream>;

/// Shadows the functions that set a response, and those that flush a stream.
pub(super) fn link(linker: &mut Linker<StoreState>, version: &str) -> Result<()> {
    type Set = core::result::Result<Resource<HostOutgoingResponse>, ErrorCode>;
    linker.instance(&format!("wasi:http/types@{version}"))?.func_wrap_async(
        "[static]response-outparam.set",
        |mut store: Store<'_>, (out, response): (Resource<HostResponseOutparam>, Set)| {
            Box::new(async move {
                HostResponseOutparams::set(&mut store.data_mut().http(), out, response)?;
                let_post_go_first(&store).await;
                Ok(())
            })
        },
    )?;
    let mut streams = linker.instance(&format!("wasi:io/streams@{version}"))?;
    streams.func_wrap_async("[method]output-stream.flush", |mut store: Store<'_>, (stream,): (Stream,)| {
        Box::new(async move {
            let flushed = HostOutputStream::flush(store.data_mut().table(), stream);
            let_post_go_first(&store).await;
            done(store, flushed)
        })
    })?;
    streams.func_wrap_async("[method]output-stream.blocking-flush", |mut store: Store<'_>, (stream,): (Stream,)| {
        Box::new(async move {
            let flushed = HostOutputStream::blocking_flush(store.data_mut().table(), stream).await;
            let_post_go_first(&store).await;
            done(store, flushed)
        })
    })?;
    streams.func_wrap_async(
        "[method]output-stream.blocking-write-and-flush",
        |mut store: Store<'_>, (stream, bytes): (Stream, Vec<u8>)| {
            Box::new(async move {
                let table = store.data_mut().table();
                let flushed = HostOutputStream::blocking_write_and_flush(table, stream, bytes).await;
                let_post_go_first(&store).await;
                done(store, flushed)
            })
        },
    )
}

type Done = core::result::Result<(), wasmtime_wasi::p2::bindings::io::streams::StreamError>;

fn done(mut store: Store<'_>, flushed: core::result::Result<(), StreamError>) -> Result<(Done,)> {
    Ok((match flushed {
        Ok(()) => Ok(()),
        Err(error) => Err(store.data_mut().table().convert_stream_error(error)?),
    },))
}

fn let_post_go_first(store: &Store<'_>) -> impl Future<Output = ()> + use<> {
    let is_streamed = store.data().network.hooks.streams_response;
    async move {
        if is_streamed {
            yield_now().await;
        }
    }
}

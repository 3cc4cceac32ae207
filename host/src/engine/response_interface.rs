//! Provides `guesthouse:lambda/response-stream`, through which a guest sends its response while it makes it.

use bytes::Bytes;
use http::HeaderValue;
use tokio::task::yield_now;
use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, WasmList},
};

use super::{bindings::StreamError, store_state::StoreState};
use crate::response_stream::{PIECE_LIMIT_BYTES, WriteError};

/// The interface, as guests import it.
const INTERFACE: &str = "guesthouse:lambda/response-stream@0.1.0";

/// The maximum length of a content type, in bytes. It is part of the head of a request.
const CONTENT_TYPE_LIMIT_BYTES: usize = 1024;

type Done = core::result::Result<(), StreamError>;

/// Links the interface.
///
/// # Errors
/// If the linker has it already.
pub(super) fn link(linker: &mut Linker<StoreState>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap_async("open", |mut store: StoreContextMut<'_, StoreState>, (content_type,): (String,)| {
        Box::new(async move {
            let opened = open(store.data_mut(), &content_type);
            // Its head is sent before the guest goes on.
            yield_now().await;
            Ok((opened,))
        })
    })?;
    interface.func_wrap_async("write", |store: StoreContextMut<'_, StoreState>, (bytes,): (WasmList<u8>,)| {
        Box::new(async move { Ok((write(store, &bytes).await,)) })
    })
}

fn open(state: &mut StoreState, content_type: &str) -> Done {
    let writer = state.response.as_mut().ok_or(StreamError::WrongState)?;
    Ok(writer.open(header_value(content_type)?)?)
}

/// Returns a content type as a header's value.
fn header_value(content_type: &str) -> core::result::Result<HeaderValue, StreamError> {
    let is_of_a_size = (1..=CONTENT_TYPE_LIMIT_BYTES).contains(&content_type.len());
    let value = HeaderValue::from_str(content_type).ok().filter(|_| is_of_a_size);
    value.ok_or(StreamError::InvalidContentType)
}

/// Copies the bytes out of the guest's memory piece by piece, so that the host never holds all of them.
async fn write(mut store: StoreContextMut<'_, StoreState>, bytes: &WasmList<u8>) -> Done {
    // Taken out, because nothing of the store can be borrowed while it waits.
    let writer = store.data_mut().response.take().ok_or(StreamError::WrongState)?;
    // Without bytes it still says whether the response is open.
    let mut written = writer.write(Bytes::new()).await;
    let mut from = 0;
    while written.is_ok() {
        let Some(rest) = bytes.as_le_slice(&store).get(from..).filter(|rest| !rest.is_empty()) else { break };
        let piece = Bytes::copy_from_slice(&rest[..rest.len().min(PIECE_LIMIT_BYTES)]);
        from += piece.len();
        written = writer.write(piece).await;
    }
    store.data_mut().response = Some(writer);
    Ok(written?)
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::WrongState => Self::WrongState,
            WriteError::Closed => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_one_line_of_some_length() {
        let longest = "x".repeat(CONTENT_TYPE_LIMIT_BYTES);
        for valid in ["text/plain; charset=utf-8", &longest] {
            assert_eq!(header_value(valid).unwrap(), valid);
        }
        for invalid in ["", "text/plain\r\nx: y", "text/\u{0}", &format!("{longest}x")] {
            assert!(matches!(header_value(invalid), Err(StreamError::InvalidContentType)), "{invalid:?}");
        }
    }
}

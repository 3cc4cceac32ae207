//! Write handlers for Guesthouse as plain Rust functions.
//!
//! ```
//! use guesthouse_guest::{Context, Error, handler};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     amount: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Receipt {
//!     cents: u64,
//! }
//!
//! fn charge(order: Order, _context: Context) -> Result<Receipt, Error> {
//!     let euros: u64 = order.amount.parse()?;
//!     Ok(Receipt { cents: euros * 100 })
//! }
//!
//! handler!(charge);
//! # fn main() {}
//! ```
//!
//! Build it as a `cdylib` for the target `wasm32-wasip2`: the `.wasm` file is the handler.
//!
//! What a handler keeps in memory (a `static`, a `thread_local!`) is there in the next invocation of the same instance,
//! and no two invocations use one instance at the same time. `/tmp` is shared by all instances of an environment. What
//! is printed becomes log lines.

mod context;
mod error;
#[doc(hidden)]
pub mod internal;
mod stream;

/// The client and the executor of asynchronous handlers, in the version that runs them.
#[cfg(feature = "wstd")]
pub use wstd;

pub use self::{
    context::{CognitoIdentity, Context},
    error::Error,
    stream::{HttpHead, ResponseStream, StreamError},
};

/// Makes a function the guest's handler: `fn(Event, Context) -> Result<Response, Error>`.
///
/// The event may be any type that implements [`serde::de::DeserializeOwned`], the response any that implements
/// [`serde::Serialize`], the error any that becomes an [`Error`]. An event that is not of the type fails with an error
/// of type `InvalidEvent`, and the function is not called.
///
/// With `init = function`, a `fn() -> Result<(), Error>` runs once for each instance before its first event: the place
/// for what is slow and needed every time.
///
/// With the feature `wstd`, `handler!(async function)` takes an `async fn` of the same types, and `init = async function`
/// an asynchronous preparation. The executor of the crate `wstd` runs them.
///
/// Used once in a crate.
#[macro_export]
macro_rules! handler {
    (async $handle:path $(, init = $($init:tt)+)?) => {
        $crate::handler!(@waiting |event, context| $crate::internal::block_on($handle(event, context))
            $(, init = $($init)+)?);
    };
    ($handle:path, init = async $init:path) => {
        $crate::handler!(@waiting $handle, init = async $init);
    };
    (@waiting $handle:expr) => {
        $crate::raw_handler!(|event, context| $crate::internal::typed($handle, event, context));
    };
    (@waiting $handle:expr, init = async $init:path) => {
        $crate::raw_handler!(
            |event, context| $crate::internal::typed($handle, event, context),
            init = || $crate::internal::block_on($init())
        );
    };
    (@waiting $handle:expr, init = $init:path) => {
        $crate::raw_handler!(|event, context| $crate::internal::typed($handle, event, context), init = $init);
    };
    ($handle:path) => {
        $crate::raw_handler!(|event, context| $crate::internal::typed($handle, event, context));
    };
    ($handle:path, init = $init:path) => {
        $crate::raw_handler!(|event, context| $crate::internal::typed($handle, event, context), init = $init);
    };
}

/// Makes a function the guest's handler that takes the event's text as it is, and returns the response's text:
/// `fn(String, Context) -> Result<String, Error>`. For everything else it is as [`handler!`].
#[macro_export]
macro_rules! raw_handler {
    ($handle:expr) => {
        const _: () = {
            #[allow(dead_code, reason = "nothing calls it where the guest is not wasm, as in its own tests")]
            struct Guest;
            impl $crate::internal::function::exports::guesthouse::lambda::handler::Guest for Guest {
                fn handle(
                    event: ::std::string::String,
                    context: $crate::internal::WireContext,
                ) -> ::std::result::Result<::std::string::String, $crate::internal::WireError> {
                    $crate::internal::raw($handle, event, context)
                }
            }
    $crate::internal::export_function!(Guest with_types_in $crate::internal::function);
        };
    };
    ($handle:expr, init = $init:expr) => {
        $crate::raw_handler!($handle);
        const _: () = {
            #[allow(dead_code, reason = "nothing calls it where the guest is not wasm, as in its own tests")]
            struct Guest;
            impl $crate::internal::lifecycle::exports::guesthouse::lambda::lifecycle::Guest for Guest {
                fn init() -> ::std::result::Result<(), $crate::internal::WireError> {
                    $crate::internal::init($init)
                }
            }
    $crate::internal::export_lifecycle!(Guest with_types_in $crate::internal::lifecycle);
        };
    };
}

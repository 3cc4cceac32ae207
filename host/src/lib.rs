//! Guesthouse runs WebAssembly handlers on AWS Lambda.
//!
//! This library holds all the logic of two thin binaries: `bootstrap`, which Lambda starts, and `guesthouse`, the
//! developer's tool. It is not meant for other crates: its interface changes with any version.
//!
//! # The way of an event
//!
//! An [`edge`] takes the event from the Runtime API as headers and bytes, makes an [`invocation::Invocation`] of them, asks
//! the [`registry`] once for the guest, and the guest's [`engine`] room runs it in an instance that nobody else uses
//! meanwhile. What comes back, an answer or a [`failure::Failure`], goes out as bytes the same way.
//!
//! # Layout
//!
//! In reading order, from plain data up. Dependencies point from the end of this list towards its beginning; a test holds the
//! exact layers.
//!
//! * [`invocation`]: an event with its context, and its deadline.
//! * [`failure`]: what a caller sees when something went wrong, with the names that are API.
//! * [`observer`]: how the engine tells what guests print and use.
//! * [`text`]: what somebody else chose, made fit to be printed.
//! * [`files`]: files that somebody else named or made.
//! * [`tmp`]: what a guest's `/tmp` may hold.
//! * `memory_file`: bytes in memory that have a descriptor.
//! * [`moment`]: time that counts although the process may be frozen.
//! * [`laps`]: where the time goes before the first event.
//! * [`capabilities`]: what one guest may touch.
//! * [`digest`]: the SHA-256 by which an artifact is known.
//! * [`trust`]: whose artifacts are taken.
//! * [`terms`]: which artifacts a handler takes, and when it looks for a newer one.
//! * [`source`]: where a guest's bytes come from.
//! * [`config`]: the environment and `guesthouse.toml`, read once and checked whole.
//! * [`engine`]: the only place that names wasmtime.
//! * [`logs`]: log lines in Lambda's two formats.
//! * [`telemetry`]: the host's own events as such lines.
//! * [`registry`]: from a handler to the guest that serves it now.
//! * [`edge`]: the host's side of the Runtime API, by our own loop or by AWS's.
//! * `local` (feature `cli`): a Lambda in this process, for development.

pub mod capabilities;
pub mod config;
pub mod digest;
pub mod edge;
pub mod engine;
pub mod failure;
pub mod files;
pub mod invocation;
pub mod laps;
#[cfg(feature = "cli")]
pub mod local;
pub mod logs;
mod memory_file;
pub mod moment;
pub mod observer;
pub mod registry;
pub mod source;
pub mod telemetry;
pub mod terms;
pub mod text;
pub mod tmp;
pub mod trust;

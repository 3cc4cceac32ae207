//! Guesthouse runs WebAssembly handlers on AWS Lambda.
//!
//! This library has the logic of two binaries: `bootstrap`, which Lambda starts, and `guesthouse`, the developer's
//! tool, which adds its commands. It is not meant for other crates: its interface may change in any version.
//!
//! # How an event is processed
//!
//! The [`runtime_client`] receives the event from the Runtime API as headers and bytes, and makes an
//! [`invocation::Invocation`] of them. It gets the guest from the [`registry`], once. The [`engine`] runs the guest in
//! an instance that no other invocation uses at the same time. The result, a response or a [`failure::Failure`], goes
//! back to the runtime client, which posts it as bytes.
//!
//! # Modules
//!
//! The list is in reading order, from plain data up. A module may only use modules that come before it; a test enforces
//! the exact layers.
//!
//! * [`digest`]: the SHA-256 digest that identifies an artifact.
//! * [`text`]: makes text from outside safe to print.
//! * [`files`]: opens and reads files that somebody else named or made.
//! * `memory_file`: files in memory.
//! * `lock`: locks a mutex.
//! * `backoff`: how long to wait between attempts.
//! * [`tmp`]: limits what a guest's `/tmp` may hold.
//! * [`trust`]: checks the signatures of artifacts.
//! * [`invocation`]: an event with its context and its deadline.
//! * [`failure`]: the errors that callers see, whose names are API.
//! * [`response`]: what a handler returns.
//! * [`response_stream`]: carries a response to the runtime client while the guest still runs.
//! * [`gateway`]: makes HTTP requests of events, and what their senders take of HTTP responses.
//! * [`report`]: how an invocation ended.
//! * [`observer`]: the interface through which others learn what guests print and how invocations end.
//! * [`freeze_aware_instant`]: measures time that includes periods in which the process was frozen.
//! * [`phase_timings`]: measures the phases of the start-up and of a swap.
//! * [`network`]: what guests reach of the network, and the client that sends their requests.
//! * [`capabilities`]: what one guest may use.
//! * [`artifact_policy`]: which artifacts a handler accepts, and when it checks for a newer one.
//! * [`source`]: where a guest's bytes come from.
//! * [`config`]: the environment variables and `guesthouse.toml`, read once and checked as a whole.
//! * [`engine`]: compiles, links and runs guests. Only this module uses wasmtime.
//! * [`logs`]: log lines in Lambda's two formats.
//! * [`registry`]: finds the guest that serves a handler now.
//! * [`telemetry`]: writes the host's own events through `logs`.
//! * [`runtime_client`]: the host's side of the Runtime API, with our own client or AWS's.
//! * `local` (feature `cli`): a Lambda in this process, for development.

pub mod artifact_policy;
pub mod backoff;
pub mod capabilities;
pub mod config;
pub mod digest;
pub mod engine;
pub mod failure;
pub mod files;
pub mod freeze_aware_instant;
pub mod gateway;
pub mod invocation;
#[cfg(feature = "cli")]
pub mod local;
mod lock;
pub mod logs;
mod memory_file;
pub mod network;
pub mod observer;
pub mod phase_timings;
pub mod registry;
pub mod report;
pub mod response;
pub mod response_stream;
pub mod runtime_client;
pub mod source;
pub mod telemetry;
pub mod text;
pub mod tmp;
pub mod trust;

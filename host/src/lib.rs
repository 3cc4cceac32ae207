//! Guesthouse runs WebAssembly handlers on AWS Lambda.
pub mod capabilities;
pub mod config;
pub mod digest;
pub mod edge;
pub mod engine;
pub mod failure;
pub mod invocation;
#[cfg(feature = "cli")]
pub mod local;
pub mod logs;
pub mod observer;
pub mod registry;
pub mod source;
pub mod telemetry;

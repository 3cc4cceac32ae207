//! This module describes how an invocation ended, as plain data from which logs, metrics and traces can be made.

use std::time::Duration;

use crate::{digest::Digest, failure::Failure};

/// Describes one invocation after it ended. There is exactly one report for each event that was accepted, however it
/// ended: with a response, a fault, a failed start of its instance, a panic of the host, a truncated event, an
/// abandoned worker, or SIGTERM. Only a process that ends before the reply was posted makes none.
#[derive(Debug, Clone, Copy)]
pub struct InvocationReport<'a> {
    /// The request id. A retry of the same asynchronous event has the same one.
    pub request_id: &'a str,
    /// The tenant, in a function with tenant isolation.
    pub tenant_id: Option<&'a str>,
    /// Why there is no response; `None` when there is one.
    pub failure: Option<&'a Failure>,
    /// The time from the event's arrival until its reply was posted.
    pub duration: Duration,
    /// Whether it was the environment's first invocation.
    pub start: Start,
    /// The guest that ran it; `None` when none was chosen.
    pub guest: Option<Digest>,
    /// How its instance was obtained; `None` when that is not known, as for an abandoned worker.
    pub instance: Option<InstanceOrigin>,
    /// The largest size, in bytes, that the instance's linear memories and tables had together, with what the host
    /// holds for the instance; `None` when that is not known. A reused instance counts from its start.
    pub peak_memory_bytes: Option<u64>,
}

/// Describes whether an environment had served before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The environment's first invocation.
    Cold,
    /// Any later invocation.
    Warm,
}

/// Describes how an invocation got its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceOrigin {
    /// The instance was waiting for work.
    Reused,
    /// The instance was started for this invocation.
    New,
}

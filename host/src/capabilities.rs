//! This module describes what one guest may use.

use std::{sync::Arc, time::Duration};

#[cfg(feature = "network")]
use crate::network::Network;
use crate::{gateway::Gateway, tmp::Quota};

/// `Capabilities` are what one guest may use. The default grants:
///
/// * no environment variables, no arguments, and an empty standard input;
/// * no files and no directories;
/// * no metrics;
/// * no network: no name lookup, no TCP and no UDP;
/// * clocks and random numbers, which are the host's own;
/// * standard output and error, whose lines go to the log;
/// * as many open files as a process on Lambda can have, less the host's own;
/// * linear memory without a limit, and time until [`InstancePolicy::margin`] before the deadline.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    /// What the guest may touch.
    pub grants: Grants,
    /// How much the guest may take.
    pub limits: Limits,
    /// How the guest's instances are run.
    pub policy: InstancePolicy,
    /// How HTTP events become requests, and responses go back.
    pub gateway: Gateway,
}

/// `Grants` are the things outside its own memory that a guest may touch.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// The guest's environment variables.
    pub env: Vec<(String, String)>,
    /// A command's arguments, without its name, which is always `guest`.
    pub arguments: Vec<String>,
    /// The CloudWatch namespaces of the metrics that the guest may write to its log, in CloudWatch's embedded metric
    /// format.
    pub metrics: Arc<[String]>,
    /// The host directory that the guest sees as `/tmp`. `None` if it has no `/tmp`.
    pub tmp: Option<Tmp>,
    /// What the guest reaches of the network. `None` if it reaches nothing. The connections in it are shared by all
    /// instances of the handler, also after a swap.
    #[cfg(feature = "network")]
    pub network: Option<Arc<Network>>,
}

/// `Limits` are the amounts of memory and of open files that a guest may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum size of one instance's linear memories and tables together, in bytes. `None` if there is no limit.
    pub memory_bytes: Option<u64>,
    /// The same limit for all instances together, in bytes.
    pub total_memory_bytes: Option<u64>,
    /// The estimated memory of the host itself, in bytes. If the process uses more than this once the guest is
    /// compiled, the excess is subtracted from what all instances share.
    pub host_memory_bytes: Option<u64>,
    /// The memory of the whole function, in bytes, if it is known.
    pub function_memory_bytes: Option<u64>,
    /// The number of files and directories that one instance may have open. The limit for all its WASI resources, which
    /// include streams and timers, is a multiple of it.
    pub handles: usize,
}

/// An `InstancePolicy` says when instances are stopped and whether they are reused.
#[derive(Debug, Clone)]
pub struct InstancePolicy {
    /// How long before the invocation's deadline the guest is stopped; see [`Deadline::budget`].
    ///
    /// [`Deadline::budget`]: crate::invocation::Deadline::budget
    pub margin: Duration,
    /// What happens to an instance after an invocation. `None` leaves it to the guest's contract.
    pub instances: Option<Instances>,
}

/// A `Tmp` is the directory that a guest sees as `/tmp`.
#[derive(Debug, Clone)]
pub struct Tmp {
    /// The directory, and the limits of what it may hold.
    pub quota: Arc<Quota>,
    /// What the guest may do in the directory.
    pub access: Access,
}

/// An `Access` is what a guest may do in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The guest may create, change and remove files.
    ReadWrite,
    /// The guest may only read files.
    ReadOnly,
}

/// `Instances` is what happens to an instance after an invocation without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// The instance is reused for the next invocation, with everything that the guest keeps in memory.
    Reuse,
    /// The instance is dropped: every invocation gets a new one.
    Fresh,
}

/// The number of files that all instances together may have open. Lambda limits a process to 1,024 file descriptors, of
/// which the host needs some for itself. Source: the AWS page "Lambda quotas".
pub const HANDLES: usize = 768;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: None,
            total_memory_bytes: None,
            host_memory_bytes: None,
            function_memory_bytes: None,
            handles: HANDLES,
        }
    }
}

impl Default for InstancePolicy {
    fn default() -> Self {
        Self { margin: Duration::from_millis(100), instances: None }
    }
}

//! What one guest may touch.

use std::{sync::Arc, time::Duration};

use crate::tmp::Quota;

/// What one guest may touch. The default grants:
///
/// * no environment variables, no arguments, an empty standard input;
/// * no files and no folders;
/// * no metrics;
/// * no network: no name lookup, no TCP, no UDP;
/// * clocks and randomness, which are the host's own;
/// * standard output and error, whose lines go to the log;
/// * as many open files as a process on Lambda can have, less the host's own;
/// * linear memory without a cap, and time until [`Capabilities::margin`] before the deadline.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// Variables the guest sees.
    pub env: Vec<(String, String)>,
    /// What a command gets on its command line, behind its name, which is always `guest`.
    pub arguments: Vec<String>,
    /// The namespaces in CloudWatch of the metrics that the guest may write into its log, in CloudWatch's embedded metric format.
    pub metrics: Arc<[String]>,
    /// A folder of the host that the guest sees as `/tmp`.
    pub tmp: Option<Tmp>,
    /// The size in bytes that the linear memories and tables of one instance may have together.
    pub memory_bytes: Option<u64>,
    /// The same for all instances together.
    pub total_memory_bytes: Option<u64>,
    /// What the host was reckoned to take for itself, in bytes. Where the process takes more once the guest is compiled, all
    /// instances together get so much less.
    pub host_memory_bytes: Option<u64>,
    /// What the whole process may have, in bytes, where that is known.
    pub function_memory_bytes: Option<u64>,
    /// How many files, streams and timers one instance may have open.
    pub handles: usize,
    /// The guest is stopped this long before the invocation's deadline; see [`Deadline::budget`].
    ///
    /// [`Deadline::budget`]: crate::invocation::Deadline::budget
    pub margin: Duration,
    /// What becomes of an instance after an invocation.
    pub instances: Instances,
}

/// A folder that a guest sees as `/tmp`.
#[derive(Debug, Clone)]
pub struct Tmp {
    /// Where it is, and what it may hold.
    pub quota: Arc<Quota>,
    /// What the guest may do in it.
    pub access: Access,
}

/// What a guest may do in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Files can be made, changed and removed.
    ReadWrite,
    /// Files can only be read.
    ReadOnly,
}

/// What becomes of an instance after an invocation that it survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// It waits for the next invocation: what the guest keeps in memory stays.
    Reuse,
    /// It is thrown away: every invocation gets a new one.
    Fresh,
}

/// How many files, streams and timers all instances together may have open: Lambda gives a process 1,024 file descriptors, and
/// some are the host's own. Source: the AWS page "Lambda quotas".
pub const HANDLES: usize = 768;

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            env: Vec::new(),
            arguments: Vec::new(),
            metrics: Arc::default(),
            tmp: None,
            memory_bytes: None,
            total_memory_bytes: None,
            host_memory_bytes: None,
            function_memory_bytes: None,
            handles: HANDLES,
            margin: Duration::from_millis(100),
            instances: Instances::Reuse,
        }
    }
}

//! This module keeps the connections that no request uses, for the next request to the same server.
//!
//! They belong to the environment and not to an instance: the next invocation uses them, also with a fresh instance or
//! after a swap. Each connection is driven by the executor that established it, so it is only used on that executor:
//! its thread is the one that runs the guest.
//!
//! See docs/decisions/49-guests-connections.md.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use tokio::runtime;

use super::connect::Sender;
use crate::{freeze_aware_instant::FreezeAwareInstant, lock::lock, network::host::Host};

/// The time after which a connection is not used again. Load balancers of AWS close theirs after 60 seconds, and S3
/// after about 20.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// The maximum number of idle connections of one handler.
const IDLE_CONNECTIONS: usize = 32;

/// What two requests must have in common to use the same connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    host: Host,
    port: u16,
    is_secure: bool,
    executor: runtime::Id,
}

/// The idle connections of one handler.
#[derive(Default)]
pub struct Pool(Mutex<HashMap<Key, Vec<Idle>>>);

struct Idle {
    sender: Sender,
    since: FreezeAwareInstant,
}

impl Key {
    /// Returns the key of connections to this server, on the current executor.
    pub fn new(host: Host, port: u16, is_secure: bool) -> Self {
        Self { host, port, is_secure, executor: runtime::Handle::current().id() }
    }
}

impl Pool {
    /// Takes the connection that was used last.
    pub fn take(&self, key: &Key) -> Option<Sender> {
        let mut idle = lock(&self.0);
        let list = idle.get_mut(key)?;
        while let Some(found) = list.pop() {
            if found.is_usable() {
                return Some(found.sender);
            }
        }
        idle.remove(key);
        None
    }

    /// Keeps a connection on which a request has ended, and closes those that are too old or too many.
    pub fn put(&self, key: Key, sender: Sender) {
        let mut idle = lock(&self.0);
        idle.retain(|_, list| {
            list.retain(Idle::is_usable);
            !list.is_empty()
        });
        if idle.values().map(Vec::len).sum::<usize>() >= IDLE_CONNECTIONS {
            let oldest = idle.values_mut().max_by_key(|list| list.first().map(|idle| idle.since.elapsed()));
            drop(oldest.map(|list| list.remove(0)));
        }
        idle.entry(key).or_default().push(Idle { sender, since: FreezeAwareInstant::now() });
    }
}

impl Idle {
    fn is_usable(&self) -> bool {
        self.sender.is_ready() && self.since.elapsed() < IDLE_LIMIT
    }
}

//! A local Lambda: the Invoke API in front, a Runtime API for each function behind, and between them the same edge code
//! that runs on Lambda.
//!
//! An invocation comes in at [`invoke_api`], waits in its function's queue, is taken by one of the function's workers
//! through [`runtime_api`], and goes back the same way.

mod function;
pub mod invoke_api;
mod queue;
mod records;
mod runtime_api;

use std::{collections::BTreeMap, io, net::Ipv4Addr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use tokio::net::TcpListener;

pub use self::{
    function::{Function, Outcome},
    queue::{Call, Identity},
    records::Records,
};
use crate::{config::Settings, engine::Engine, failure::Failure, logs::Logs, source::Source};

/// The ARN's region and account, as the emulator has them.
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "012345678912";

/// What all functions of a local Lambda have in common.
pub struct Shared {
    pub engine: Engine,
    pub logs: Arc<Logs>,
    pub records: Arc<Records>,
    pub limits: Limits,
    /// Variables that guests see besides Lambda's own.
    pub env: Vec<(String, String)>,
    /// The folder below which each function gets its own `/tmp`.
    pub tmp: PathBuf,
}

/// What a function may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub timeout: Duration,
    pub memory_mib: u32,
    pub concurrency: NonZeroUsize,
}

/// The functions of a local Lambda, by name. One that can't start is there too, with the reason.
pub struct Functions(BTreeMap<String, Result<Function, Failure>>);

impl Functions {
    /// Loads each guest and starts its workers. A guest that can't be served is kept with its failure.
    pub async fn start(shared: &Shared, guests: Vec<(String, Source, Settings)>) -> Self {
        let mut functions = BTreeMap::new();
        for (name, source, settings) in guests {
            let function = Function::start(shared, &name, source, settings).await;
            functions.insert(name, function);
        }
        Self(functions)
    }

    /// The function of this name. A lone one answers to `function` too, as it does under the emulator.
    pub fn get(&self, name: &str) -> Option<&Result<Function, Failure>> {
        self.0.get(name).or_else(|| {
            let mut all = self.0.values();
            (name == "function").then(|| all.next().filter(|_| all.next().is_none())).flatten()
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Result<Function, Failure>)> {
        self.0.iter().map(|(name, function)| (name.as_str(), function))
    }
}

/// The function's ARN.
fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// Listens on the loopback interface only: whoever can connect can run code. Port 0 takes any free one.
///
/// # Errors
/// When the port is taken.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

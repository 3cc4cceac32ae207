//! This module is a local Lambda. It serves the Invoke API to callers, and a Runtime API to the workers of each
//! function, which run the same runtime client as on Lambda.
//!
//! An invocation arrives at `invoke_api`, or at its function's URL (`function_urls`), and waits in its function's
//! queue. One of the function's workers receives it through `runtime_api`, and the response takes the same way back:
//! whole, or piece by piece as it comes.
//!
//! See docs/decisions/47-local-lambda.md.

mod body;
mod caller;
mod event_stream;
pub mod front;
mod function;
mod function_urls;
mod functions;
mod guests;
mod ids;
mod invoke_api;
mod parts;
mod queue;
mod records;
mod refusal;
mod runtime_api;
mod scratch;
mod server;

use std::{io, net::Ipv4Addr, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tracing::warn;

pub use self::{
    function::Function,
    functions::{Change, Functions, Served},
    parts::{Ended, Outcome, Part, Parts},
    queue::Call,
    records::{Records, RequestIdInUse},
    scratch::Scratch,
    server::serve,
};
use crate::{
    config::{EnvVars, NetworkSettings},
    engine::Engine,
    logs::Logs,
    registry::RefreshThread,
    source::RemoteAccess,
};

/// The region in ARNs and environment variables, as in the emulator.
const REGION: &str = "us-east-1";
/// The account in ARNs, as in the emulator.
const ACCOUNT: &str = "012345678912";

/// Holds what all functions of a local Lambda share.
pub struct Shared {
    /// The engine that runs the guests.
    pub engine: Engine,
    /// The thread that checks for newer guests.
    pub refresh_thread: RefreshThread,
    /// The access to remote sources.
    pub access: RemoteAccess,
    /// The log to which guests' lines are written.
    pub logs: Arc<Logs>,
    /// The records of each invocation's lines.
    pub records: Arc<Records>,
    /// The limits of each function.
    pub limits: Limits,
    /// The environment variables that guests see besides Lambda's own.
    pub env: Vec<(String, String)>,
    /// What all functions reach of the network, besides what their settings grant.
    pub network: NetworkSettings,
    /// The environment variables of the host: its credentials, endpoints and proxies.
    pub host: EnvVars,
    /// The directory in which each function gets its own `/tmp`.
    pub scratch: Scratch,
}

/// Limits what a function may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum duration of an invocation.
    pub timeout: Duration,
    /// The function's memory, in MiB.
    pub memory_mib: u32,
    /// The number of invocations that the function serves at a time.
    pub concurrency: NonZeroUsize,
}

/// Returns the function's ARN.
fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// Returns the next connection. If it can't be accepted, for example because no file descriptor is left, the attempt is
/// repeated after a short pause.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!("can't accept a connection: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Listens on the loopback interface only, because whoever can connect can run code. Port 0 selects any free port.
///
/// # Errors
/// If the port is in use.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

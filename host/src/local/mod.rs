//! A local Lambda: the Invoke API in front, a Runtime API for each function behind, and between them the same edge code
//! that runs on Lambda.
//!
//! An invocation comes in at [`invoke_api`], waits in its function's queue, is taken by one of the function's workers
//! through `runtime_api`, and goes back the same way.

mod caller;
mod function;
mod functions;
mod guests;
pub mod invoke_api;
mod queue;
mod records;
mod runtime_api;
mod scratch;

use std::{io, net::Ipv4Addr, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tracing::warn;

pub use self::{
    function::{Function, Outcome},
    functions::{Change, Functions, Served},
    queue::Call,
    records::{Records, RequestIdInUse},
    scratch::Scratch,
};
use crate::{engine::Engine, logs::Logs, registry::Looker, source::RemoteAccess};

/// The ARN's region and account, as the emulator has them.
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "012345678912";

/// What all functions of a local Lambda have in common.
pub struct Shared {
    /// Runs the guests.
    pub engine: Engine,
    /// Looks for newer guests.
    pub looker: Looker,
    /// With what remote sources are reached.
    pub access: RemoteAccess,
    /// Where guests' lines go.
    pub logs: Arc<Logs>,
    /// What the lines of each invocation are kept in.
    pub records: Arc<Records>,
    /// What each function may use.
    pub limits: Limits,
    /// Variables that guests see besides Lambda's own.
    pub env: Vec<(String, String)>,
    /// Where each function gets its own `/tmp`.
    pub scratch: Scratch,
}

/// What a function may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long an invocation may take.
    pub timeout: Duration,
    /// Its memory, in MiB.
    pub memory_mib: u32,
    /// How many invocations it serves at a time.
    pub concurrency: NonZeroUsize,
}

/// The function's ARN.
fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The next connection. Waits a little where there are no descriptors left: the next moment may have some.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                warn!("can't take a connection: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Listens on the loopback interface only: whoever can connect can run code. Port 0 takes any free one.
///
/// # Errors
/// When the port is taken.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

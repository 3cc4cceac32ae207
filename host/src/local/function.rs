//! This module runs one function of the local Lambda.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{timeout, timeout_at},
};
use tracing::{debug, error, warn};

use super::{
    Limits, Shared, arn, listen,
    parts::{self, Ended, Part},
    queue::{Call, Pending, Piece, Posted, Queue, Reply, Streamed},
    records::{LocalObserver, Record, Records, RequestIdInUse},
    runtime_api::{self, RuntimeApi},
};
use crate::{
    capabilities::{self, Capabilities},
    config::{self, EnvVars, FunctionInfo, Settings, Surroundings, variables as var},
    failure::{ErrorType, Failure, chain},
    logs::Output as _,
    phase_timings::PhaseTimings,
    registry::{LoadRequest, Registry},
    runtime_client::{self, ApiError, Service, Serving},
    source::Source,
};

/// The maximum duration of a function's init. On Lambda, a guest that takes so long to compile would be compiled ahead
/// of time. Here only its developer waits.
const INIT_LIMIT_HERE: Duration = Duration::from_secs(600);

/// The default size of a function's `/tmp`, in bytes. Source: the AWS page "Configure ephemeral storage for Lambda
/// functions".
const TMP_LIMIT_BYTES: u64 = 512 * 1024 * 1024;

/// The maximum time from a worker's response to its request for the next event. Until that request the worker may log.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The maximum time to wait for a function's end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A `Function` is one function, with its queue and the workers that serve it.
pub struct Function {
    queue: Arc<Queue>,
    records: Arc<Records>,
    limits: Limits,
    init_duration: Duration,
    /// Whether a report contained the duration of the init, as the first one does.
    init_reported: AtomicBool,
    serving: Serving,
    /// Becomes true when the workers have ended.
    ended: watch::Receiver<bool>,
    /// The task that accepts the workers' connections.
    listening: AbortHandle,
    /// The function's `/tmp`, which is removed with the function. What can't be removed then is removed with the
    /// directory of all functions, or a warning is logged.
    _tmp: TempDir,
}

/// A call that waits for its outcome.
pub(super) struct Started {
    request_id: String,
    pending: Pending,
}

impl Function {
    /// Loads the guest, and starts the function's Runtime API and workers.
    ///
    /// # Errors
    /// The reason why the guest can't be served.
    pub async fn start(shared: &Shared, name: &str, source: Source, settings: Settings) -> Result<Self, Failure> {
        let begun = Instant::now();
        let limits = shared.limits;
        let described = FunctionInfo {
            name: name.to_owned(),
            version: "$LATEST".to_owned(),
            memory_mib: NonZeroU32::new(limits.memory_mib),
            log_group_name: format!("/aws/lambda/{name}"),
            log_stream_name: log_stream_name(),
        };
        // The directory is not named after the function, whose name may be a path.
        let tmp = shared.scratch.directory()?;
        let internal = |error: std::io::Error| Failure::new(ErrorType::Internal, format!("can't listen: {error}"));
        let listener = listen(0).await.map_err(internal)?;
        let authority = listener.local_addr().map_err(internal)?.to_string();
        debug!("the Runtime API of `{name}` is at {authority}");
        let environment = environment(&described, &shared.env);
        let mut settings = config::with_variables(settings, &environment)?;
        settings.network.extend(&shared.network);
        let request = LoadRequest {
            handler: name.to_owned(),
            policy: config::artifact_policy(&settings, &source, described.memory_bytes()),
            source,
            capabilities: capabilities(
                &settings,
                &environment,
                &Surroundings {
                    function_memory_bytes: described.memory_bytes(),
                    concurrency: NonZeroUsize::MIN,
                    tmp: tmp.path(),
                    runtime_api: &authority,
                    host: &shared.host,
                },
            ),
            init_limit: INIT_LIMIT_HERE,
            is_watched: true,
        };
        for variable in withheld(&shared.env, &request.capabilities.grants.env) {
            warn!(
                "the variable `{variable}` of `--env` does not reach the guest `{name}`; hint: if it is to, name it in \
                 `env.pass` of `[handlers.{name}]` in `guesthouse.toml`"
            );
        }
        let observer = LocalObserver { logs: shared.logs.clone(), records: shared.records.clone() };
        let (engine, refresh_thread) = (shared.engine.clone(), shared.refresh_thread.clone());
        let load = async move || {
            let registry =
                Registry::load(&engine, request, Arc::new(observer), refresh_thread, &mut PhaseTimings::start())
                    .await?;
            Ok(Arc::new(Service::new(registry, described)))
        };

        let queue = Arc::new(Queue::default());
        let (records, timeout) = (shared.records.clone(), limits.timeout);
        let api = RuntimeApi { queue: queue.clone(), arn: arn(name), timeout, records: records.clone() };
        let listening = tokio::spawn(Arc::new(api).serve(listener)).abort_handle();
        let served = queue.clone();
        let (send_end, ended) = watch::channel(false);
        let send_end = move |ended: Result<(), ApiError>| {
            match ended {
                // The function was dropped.
                Err(_) if served.is_closed() => {}
                Err(ended) => error!("the function's workers ended: {}", chain(&ended)),
                Ok(()) => {}
            }
            served.close();
            send_end.send_replace(true);
        };
        let started = runtime_client::start(&authority, limits.concurrency, INIT_LIMIT_HERE, load, send_end).await;
        let serving = started.inspect_err(|_| listening.abort())?;
        Ok(Self {
            queue,
            records,
            limits,
            init_duration: begun.elapsed(),
            init_reported: AtomicBool::new(false),
            serving,
            ended,
            listening,
            _tmp: tmp,
        })
    }

    /// Refreshes the guest now, and returns when that is done.
    pub async fn refresh_now(&self) {
        self.serving.service.registry.refresh_now().await;
    }

    /// Ends the function after the invocations in flight, and waits a short time until their last lines are logged.
    pub async fn end(&self) {
        self.serving.end();
        let _ = timeout(END_LIMIT, self.ended.clone().wait_for(|ended| *ended)).await;
    }

    /// Returns whether the workers have ended.
    pub fn has_ended(&self) -> bool {
        self.queue.is_closed()
    }

    /// Queues a call, which [`Self::complete`] waits for.
    ///
    /// # Errors
    /// If another call with this request id is in flight.
    pub(super) fn begin(&self, call: Call) -> Result<Started, RequestIdInUse> {
        let request_id = call.request_id.clone();
        self.records.open(&request_id)?;
        Ok(Started { request_id, pending: self.queue.push(call) })
    }

    /// Sends the parts of the call's response on as they come, at most until the function's timeout. If nobody receives
    /// them, the invocation continues all the same.
    pub(super) async fn complete(&self, started: Started, to: mpsc::Sender<Part>) {
        let Started { request_id, pending: Pending { started, posted } } = started;
        let begun = started.await.unwrap_or_else(|_| Instant::now());
        let mut over = None;
        let passed_on = timeout_at((begun + self.limits.timeout).into(), pass_on(posted, &to, &mut over)).await;
        let took = begun.elapsed();
        if let Some(mut over) = over {
            // An abandoned worker never requests another event.
            let _ = timeout(LAST_WORDS, over.changed()).await;
        }
        let error = match passed_on {
            Ok(Ok(())) => None,
            Ok(Err(Failed::Posted(error))) => Some(error),
            Ok(Err(Failed::Workers)) => {
                Some(error_object("Runtime.ExitError", &request_id, "the function's workers ended"))
            }
            Err(_) => {
                self.queue.forget(&request_id);
                let seconds = self.limits.timeout.as_secs_f64();
                let message = format!("Task timed out after {seconds:.2} seconds");
                Some(error_object("Sandbox.Timedout", &request_id, &message))
            }
        };
        let report = self.report(&request_id, took);
        self.log(&request_id, &format!("END RequestId: {request_id}\n"));
        self.log(&request_id, &report);
        let Record { tail: log_tail, .. } = self.records.close(&request_id);
        // The caller may have gone.
        let _ = to.send(Part::End(Ended { error, log_tail })).await;
    }

    fn log(&self, request_id: &str, line: &str) {
        self.records.write(Some(request_id), line);
    }

    /// Returns the REPORT line. `waited` is how long the caller waited, for an invocation that has not ended.
    fn report(&self, request_id: &str, waited: Duration) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let (guest, measured) = self.records.measured(request_id);
        let took = measured.map_or(waited, |measured| measured.duration);
        let memory_bytes = measured.and_then(|measured| measured.peak_memory_bytes).unwrap_or_default();
        let memory_mib = memory_bytes.div_ceil(1024 * 1024);
        let mut report = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {memory_mib} MB\t",
            ms(took),
            ms(took).ceil(),
            self.limits.memory_mib,
        );
        if !self.init_reported.swap(true, Ordering::Relaxed) {
            report.push_str(&format!("Init Duration: {:.2} ms\t", ms(self.init_duration)));
        }
        if let Some(guest) = guest {
            report.push_str(&format!("Guest: {}\t", guest.short()));
        }
        report.push('\n');
        report
    }
}

/// The workers end when they request the next call.
impl Drop for Function {
    fn drop(&mut self) {
        self.serving.end();
        self.queue.close();
        self.listening.abort();
    }
}

/// Returns what a guest may use. Each invocation in flight stands for an environment of its own, as on Lambda, and
/// shares its memory with no other: so `around` has a concurrency of one.
fn capabilities(settings: &Settings, environment: &EnvVars, around: &Surroundings<'_>) -> Capabilities {
    let settings = &Settings { tmp_limit: settings.tmp_limit.or(Some(TMP_LIMIT_BYTES)), ..settings.clone() };
    let alone = config::capabilities(settings, environment, around);
    let memory_bytes = [alone.limits.memory_bytes, alone.limits.total_memory_bytes].into_iter().flatten().min();
    let limits =
        capabilities::Limits { memory_bytes, handles: alone.limits.handles, ..capabilities::Limits::default() };
    Capabilities { limits, ..alone }
}

/// Returns the environment variables that a function has on Lambda, without credentials and addresses, and those that
/// the user adds.
fn environment(described: &FunctionInfo, added: &[(String, String)]) -> EnvVars {
    let memory = described.memory_mib.map_or(0, NonZeroU32::get).to_string();
    let own = [
        (var::FUNCTION_NAME, described.name.as_str()),
        (var::FUNCTION_VERSION, &described.version),
        (var::FUNCTION_MEMORY_SIZE, &memory),
        (var::LOG_GROUP_NAME, &described.log_group_name),
        (var::LOG_STREAM_NAME, &described.log_stream_name),
        (var::LAMBDA_HANDLER, &described.name),
        ("AWS_REGION", super::REGION),
        ("AWS_DEFAULT_REGION", super::REGION),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_Image"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("TZ", ":UTC"),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain(added.iter().cloned()).collect()
}

/// Returns the variables that the user gave and the guest does not see: credentials and the like. What is a setting is
/// for the host.
fn withheld<'a>(given: &'a [(String, String)], seen: &'a [(String, String)]) -> impl Iterator<Item = &'a str> {
    let is_setting = |name: &str| name.starts_with("GUESTHOUSE_") || name.starts_with("AWS_LAMBDA_LOG_");
    let names = given.iter().filter(|variable| !seen.contains(variable)).map(|(name, _)| name.as_str());
    names.filter(move |name| !is_setting(name))
}

/// Returns a log stream's name as on Lambda: the day, the version, and a unique id.
fn log_stream_name() -> String {
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = today.split('T').next().unwrap_or_default().replace('-', "/");
    format!("{day}/[$LATEST]{}", uuid::Uuid::new_v4().simple())
}

fn error_object(error_type: &str, request_id: &str, message: &str) -> Bytes {
    parts::error_object(error_type, &format!("RequestId: {request_id} Error: {message}"))
}

/// The reasons why an invocation fails before its timeout.
enum Failed {
    /// The worker posted an error, or its connection broke.
    Posted(Bytes),
    /// The workers ended.
    Workers,
}

/// Sends what the worker posts to the caller. `over` gets the signal that the worker requests its next event.
async fn pass_on(
    posted: oneshot::Receiver<Reply>,
    to: &mpsc::Sender<Part>,
    over: &mut Option<watch::Receiver<()>>,
) -> Result<(), Failed> {
    let reply = posted.await.map_err(|_| Failed::Workers)?;
    *over = Some(reply.over);
    // Where the caller has gone, the rest of its response is received and dropped.
    match reply.posted {
        Posted::Error(error) => return Err(Failed::Posted(error)),
        Posted::Response(body) => drop(to.send(Part::Whole(body)).await),
        Posted::Streamed(Streamed { content_type, mut pieces }) => {
            let _ = to.send(Part::Begins(content_type)).await;
            loop {
                match pieces.recv().await {
                    Some(Piece::Bytes(bytes)) => drop(to.send(Part::Bytes(bytes)).await),
                    Some(Piece::End) => break,
                    Some(Piece::Failed(error)) => return Err(Failed::Posted(error)),
                    None => return Err(Failed::Posted(runtime_api::broken_stream())),
                }
            }
        }
    }
    Ok(())
}

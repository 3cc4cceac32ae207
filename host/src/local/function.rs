//! One function of the local Lambda.

use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use serde_json::json;
use tempfile::TempDir;
use tokio::{sync::watch, task::AbortHandle, time::timeout};
use tracing::error;

use super::{
    Limits, Shared, arn, listen,
    queue::{Call, Pending, Posted, Queue, Reply},
    records::{Hearing, Record, Records, RequestIdInUse},
    runtime_api::RuntimeApi,
};
use crate::{
    capabilities::Capabilities,
    config::{self, Environment, FunctionInfo, Settings, variables as var},
    edge::{self, ApiError, Service, Serving},
    failure::{ErrorType, Failure, chain},
    laps::Laps,
    logs::Output as _,
    registry::{LoadRequest, Registry},
    source::Source,
};

/// On Lambda a guest that takes the compiler this long is compiled ahead of time. Here nobody waits but its developer.
const INIT_LIMIT_HERE: Duration = Duration::from_secs(600);

/// As functions have it unless they ask for more, in bytes. Source: the AWS page "Configure ephemeral storage for Lambda functions".
const TMP_LIMIT_BYTES: u64 = 512 * 1024 * 1024;

/// How long a worker may take from its answer to its request for the next event: until then it may log.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How long its end may take.
const END_LIMIT: Duration = Duration::from_secs(2);

/// One function: its queue, and the workers that serve it.
pub struct Function {
    queue: Arc<Queue>,
    records: Arc<Records>,
    limits: Limits,
    init_duration: Duration,
    /// The first report says how long the init took.
    init_told: AtomicBool,
    serving: Serving,
    /// Becomes true when nothing serves it any more.
    ended: watch::Receiver<bool>,
    /// Takes the workers' connections.
    listening: AbortHandle,
    /// Removed with the function. What can't be removed now is removed at the end, or told of.
    _tmp: TempDir,
}

/// What became of a call.
pub struct Outcome {
    /// The answer's text, or the error object.
    pub result: Result<Bytes, Bytes>,
    /// The end of the log: START, the guest's lines, END and REPORT.
    pub log_tail: Vec<u8>,
}

impl Function {
    /// Loads the guest and starts the function's Runtime API and workers.
    ///
    /// # Errors
    /// What keeps the guest from being served.
    pub async fn start(shared: &Shared, name: &str, source: Source, settings: Settings) -> Result<Self, Failure> {
        let begun = Instant::now();
        let limits = shared.limits;
        let described = FunctionInfo {
            name: name.to_owned(),
            version: "$LATEST".to_owned(),
            memory_mib: limits.memory_mib,
            log_group_name: format!("/aws/lambda/{name}"),
            log_stream_name: log_stream_name(),
        };
        // Not named by the function: its name may be a path.
        let tmp = shared.scratch.folder()?;
        let environment = environment(&described, &shared.env);
        let settings = config::with_variables(settings, &environment)?;
        let request = LoadRequest {
            handler: name.to_owned(),
            terms: config::terms(&settings, &source, limits.memory_mib),
            source,
            capabilities: capabilities(&settings, &environment, limits.memory_mib, tmp.path()),
            init_limit: INIT_LIMIT_HERE,
            is_watched: true,
        };
        let hearing = Hearing { logs: shared.logs.clone(), records: shared.records.clone() };
        let (engine, looker) = (shared.engine.clone(), shared.looker.clone());
        let load = async move || {
            let registry = Registry::load(&engine, request, Arc::new(hearing), looker, &mut Laps::begin()).await?;
            Ok(Arc::new(Service::new(registry, described)))
        };

        let internal = |error: std::io::Error| Failure::new(ErrorType::Internal, format!("can't listen: {error}"));
        let listener = listen(0).await.map_err(internal)?;
        let authority = listener.local_addr().map_err(internal)?.to_string();
        let queue = Arc::new(Queue::default());
        let (records, timeout) = (shared.records.clone(), limits.timeout);
        let api = RuntimeApi { queue: queue.clone(), arn: arn(name), timeout, records: records.clone() };
        let listening = tokio::spawn(Arc::new(api).serve(listener)).abort_handle();
        let served = queue.clone();
        let (tell_end, ended) = watch::channel(false);
        let tell_end = move |ended: Result<(), ApiError>| {
            match ended {
                // The function is gone.
                Err(_) if served.is_closed() => {}
                Err(ended) => error!("the function's workers ended: {}", chain(&ended)),
                Ok(()) => {}
            }
            served.close();
            tell_end.send_replace(true);
        };
        let started = edge::start(&authority, limits.concurrency, INIT_LIMIT_HERE, load, tell_end).await;
        let serving = started.inspect_err(|_| listening.abort())?;
        Ok(Self {
            queue,
            records,
            limits,
            init_duration: begun.elapsed(),
            init_told: AtomicBool::new(false),
            serving,
            ended,
            listening,
            _tmp: tmp,
        })
    }

    /// Looks for a newer guest now, and returns when that was done.
    pub async fn look_now(&self) {
        self.serving.service.registry.look_now().await;
    }

    /// Ends it, after what is in flight, and waits a little until all that is to say of it is said.
    pub async fn end(&self) {
        self.serving.end();
        let _ = timeout(END_LIMIT, self.ended.clone().wait_for(|ended| *ended)).await;
    }

    /// Whether nothing serves it any more.
    pub fn has_ended(&self) -> bool {
        self.queue.is_closed()
    }

    /// Calls the function and waits for what becomes of it, at most until its timeout.
    ///
    /// # Errors
    /// When another call with this request id is under way.
    pub async fn call(&self, call: Call) -> Result<Outcome, RequestIdInUse> {
        let request_id = call.request_id.clone();
        self.records.open(&request_id)?;
        let Pending { started, posted } = self.queue.push(call);
        let begun = started.await.unwrap_or_else(|_| Instant::now());
        let replied = timeout(self.limits.timeout, posted).await;
        let took = begun.elapsed();
        let result = match replied {
            Ok(Ok(Reply { posted, mut over })) => {
                // A worker that is given up never asks for another event.
                let _ = timeout(LAST_WORDS, over.changed()).await;
                match posted {
                    Posted::Answer(answer) => Ok(answer),
                    Posted::Error(error) => Err(error),
                }
            }
            Ok(Err(_)) => Err(error_object("Runtime.ExitError", &request_id, "the function's workers ended")),
            Err(_) => {
                self.queue.give_up(&request_id);
                let seconds = self.limits.timeout.as_secs_f64();
                Err(error_object(
                    "Sandbox.Timedout",
                    &request_id,
                    &format!("Task timed out after {seconds:.2} seconds"),
                ))
            }
        };
        let report = self.report(&request_id, took);
        self.say(&request_id, &format!("END RequestId: {request_id}\n"));
        self.say(&request_id, &report);
        let Record { tail: log_tail, .. } = self.records.close(&request_id);
        Ok(Outcome { result, log_tail })
    }

    fn say(&self, request_id: &str, line: &str) {
        self.records.write(Some(request_id), line);
    }

    fn report(&self, request_id: &str, took: Duration) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let (usage, guest) = self.records.usage(request_id);
        let memory_mib = usage.memory_bytes.div_ceil(1024 * 1024);
        let mut report = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {memory_mib} MB\t",
            ms(took),
            ms(took).ceil(),
            self.limits.memory_mib,
        );
        if !self.init_told.swap(true, Ordering::Relaxed) {
            report.push_str(&format!("Init Duration: {:.2} ms\t", ms(self.init_duration)));
        }
        if let Some(guest) = guest {
            report.push_str(&format!("Guest: {}\t", guest.short()));
        }
        report.push('\n');
        report
    }
}

/// Its workers end when they ask for the next call.
impl Drop for Function {
    fn drop(&mut self) {
        self.serving.end();
        self.queue.close();
        self.listening.abort();
    }
}

/// Each invocation under way stands for an environment of its own, as on Lambda, and shares with no other.
fn capabilities(settings: &Settings, environment: &Environment, memory_mib: u32, tmp: &Path) -> Capabilities {
    let settings = &Settings { tmp_limit: settings.tmp_limit.or(Some(TMP_LIMIT_BYTES)), ..settings.clone() };
    let alone = config::capabilities(settings, environment, memory_mib, NonZeroUsize::MIN, tmp);
    let limits = [alone.memory_bytes, alone.total_memory_bytes];
    let memory_bytes = limits.into_iter().flatten().min();
    Capabilities {
        memory_bytes,
        total_memory_bytes: None,
        host_memory_bytes: None,
        function_memory_bytes: None,
        ..alone
    }
}

/// The variables of a function on Lambda, less its credentials and addresses, and those the user adds.
fn environment(described: &FunctionInfo, added: &[(String, String)]) -> Environment {
    let memory = described.memory_mib.to_string();
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

/// As on Lambda: the day, the version, and something unique.
fn log_stream_name() -> String {
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let day = today.split('T').next().unwrap_or_default().replace('-', "/");
    format!("{day}/[$LATEST]{}", uuid::Uuid::new_v4().simple())
}

fn error_object(error_type: &str, request_id: &str, message: &str) -> Bytes {
    let message = format!("RequestId: {request_id} Error: {message}");
    json!({"errorType": error_type, "errorMessage": message}).to_string().into()
}

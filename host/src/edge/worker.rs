//! One worker: it takes an event, answers it, and takes the next.

use std::{
    num::NonZeroUsize,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak, mpsc::Sender},
    thread,
    time::Duration,
};

use futures_util::FutureExt as _;
use hyper::StatusCode;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::{
    Service,
    client::{ApiError, Next, RuntimeApiClient},
    executor,
    http::HttpError,
    service::Reply,
    shutdown::{Ended, INVOCATION_GRACE, Shutdown},
    watch::Slot,
    wire::{self, EventHeaders},
};
use crate::{
    config::EdgeKind,
    failure::{ErrorType, Failure, chain},
    moment::Moment,
};

/// How often `/next` may fail in a row, and how long the first wait is; each further one is twice as long.
const ATTEMPTS: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The longest wait for an event that can be answered to come after one that can't.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long an event that was cut off has to come again, before its invocation is answered with an error.
const SECOND_CHANCE: Duration = Duration::from_secs(1);

/// A look for a newer guest that is under way when the next event is asked for, and still is when it comes so much later, was frozen in
/// between. So long, at most, it is then waited for, once.
const FROZEN: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What all workers of an environment have in common.
pub struct Crew {
    authority: String,
    service: Arc<Service>,
    concurrency: NonZeroUsize,
    shutdown: Shutdown,
    ends: Sender<Result<(), ApiError>>,
    slots: Mutex<Vec<Weak<Slot>>>,
}

/// How a worker ends.
enum End {
    /// With the environment.
    Served(Result<(), ApiError>),
    /// Another one has taken its place.
    GivenUp,
}

impl Crew {
    /// `ends` hears once of each worker.
    pub fn new(
        authority: &str,
        service: Arc<Service>,
        concurrency: NonZeroUsize,
        shutdown: Shutdown,
        ends: Sender<Result<(), ApiError>>,
    ) -> Self {
        let authority = authority.to_owned();
        Self { authority, service, concurrency, shutdown, ends, slots: Mutex::default() }
    }

    /// What it serves with.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// How many workers there are to be.
    pub fn concurrency(&self) -> NonZeroUsize {
        self.concurrency
    }

    /// By which the workers are told of the end.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Works until the environment ends. Posts first what is `left` by a worker whose place this one takes.
    pub async fn work(self: Arc<Self>, left: Option<Reply>) {
        let end = AssertUnwindSafe(self.serve(left)).catch_unwind().await;
        match end {
            // Whoever took its place will tell.
            Ok(End::GivenUp) => {}
            // Nobody listens any more where the environment has ended.
            Ok(End::Served(served)) => drop(self.ends.send(served)),
            Err(_) => drop(self.ends.send(Err(ApiError::Worker))),
        }
    }

    /// The same on a thread of its own, which nothing but this worker waits for.
    pub fn work_on_a_thread(self: Arc<Self>, left: Option<Reply>) {
        self.on_a_thread(move |crew| crew.work(left));
    }

    /// The last thing of an environment that is to end: posts what is `left` by a worker that can't be stopped, on a thread of its own.
    pub fn end_with(self: Arc<Self>, left: Reply, error: ApiError) {
        self.on_a_thread(async move |crew| {
            // How it went is in the log.
            let _ = post(&mut RuntimeApiClient::new(&crew.authority), left).await;
            // Nobody listens any more where the environment has ended.
            drop(crew.ends.send(Err(error)));
        });
    }

    fn on_a_thread<F: Future<Output = ()>>(self: Arc<Self>, work: impl FnOnce(Arc<Self>) -> F + Send + 'static) {
        let crew = self.clone();
        let run = move || match executor(EdgeKind::Direct, NonZeroUsize::MIN) {
            Ok(executor) => {
                executor.block_on(work(crew));
                executor.shutdown_background();
            }
            Err(error) => drop(crew.ends.send(Err(ApiError::Threads(error)))),
        };
        if let Err(error) = thread::Builder::new().name("worker".to_owned()).spawn(run) {
            // Nobody listens any more where the environment has ended.
            drop(self.ends.send(Err(ApiError::Threads(error))));
        }
    }

    /// What the workers have in flight, those that were given up among them.
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.iter().filter_map(Weak::upgrade).collect()
    }

    fn new_slot(&self) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&slot));
        slot
    }

    async fn serve(self: &Arc<Self>, left: Option<Reply>) -> End {
        let mut api = RuntimeApiClient::new(&self.authority);
        let (slot, mut shutdown) = (self.new_slot(), self.shutdown.clone());
        let mut unanswerable = Unanswerable::default();
        let (mut cut_off, mut waited_for) = (None, None);
        if let Some(left) = left {
            // How it went is in the log.
            let _ = post(&mut api, left).await;
        }
        // Whether there is somebody shows with the first request.
        let _ = api.connect().await;
        self.service.started("runtime client");
        self.service.flush_log();
        loop {
            let last_cut_off = cut_off.as_ref().map(|reply: &Reply| reply.to.request_id.clone());
            let next = self.next(&mut api, &mut cut_off);
            let (look, asked) = (self.service.look_under_way(), Moment::now());
            let Next { headers, event } = match shutdown.or(next).await {
                Ended::Done(Ok(next)) => next,
                Ended::Done(Err(error)) => return End::Served(Err(error)),
                Ended::Shutdown => {
                    self.give_up(cut_off).await;
                    return End::Served(Ok(()));
                }
            };
            let waited = asked.elapsed();
            if unanswerable.is(&headers) {
                shutdown.or(unanswerable.wait()).await;
                continue;
            }
            let replied = match event {
                Ok(event) => {
                    slot.begin(&headers, self.service.budget(&headers));
                    let replied = shutdown.or_after(INVOCATION_GRACE, self.service.reply(&headers, event)).await;
                    if !slot.end() {
                        return End::GivenUp;
                    }
                    match replied {
                        Ended::Done(replied) => replied,
                        Ended::Shutdown => Reply::to(&headers, Err(ending())),
                    }
                }
                Err(error) => {
                    let failed = Reply::to(&headers, Err(not_whole(&error)));
                    let comes_again = !matches!(error, ApiError::Http(HttpError::TooLarge(_)));
                    if comes_again && last_cut_off.as_ref() != headers.request_id() {
                        warn!("an event was cut off: {}", chain(&error));
                        cut_off = failed;
                        continue;
                    }
                    failed
                }
            };
            let Some(reply) = replied else {
                shutdown.or(unanswerable.wait()).await;
                continue;
            };
            let posted = post(&mut api, reply).await;
            self.service.flush_log();
            // The caller has its answer. Lambda freezes the process when it asks for the next event, and connections do not outlive that
            // for ever: a look that was frozen is let come to its end first, or one in an environment with little to do never would.
            if look.is_some() && look == self.service.look_under_way() && look != waited_for && waited >= FROZEN {
                waited_for = look;
                shutdown.or(self.service.finish_look(&headers, LONGEST_LOOK)).await;
            }
            match posted {
                Ok(()) => unanswerable = Unanswerable::default(),
                Err(_) => unanswerable.remember(headers),
            }
        }
    }

    /// Asks until there is an event. One that was `cut_off` before, whose failure this is, gets a second chance: until an event
    /// is answered, the Runtime API gives the same one again. Where it does not, the failure is posted, so that the caller need
    /// not wait until the deadline.
    async fn next(&self, api: &mut RuntimeApiClient, cut_off: &mut Option<Reply>) -> Result<Next, ApiError> {
        let Some(request_id) = cut_off.as_ref().map(|reply| reply.to.request_id.clone()) else {
            return self.ask(api).await;
        };
        let mut asking = pin!(self.ask(api));
        let asked = timeout(SECOND_CHANCE, &mut asking).await;
        if let Ok(Ok(next)) = &asked
            && next.headers.request_id() == Some(&request_id)
        {
            *cut_off = None;
        }
        self.give_up(cut_off.take()).await;
        match asked {
            Ok(next) => next,
            Err(_) => asking.await,
        }
    }

    async fn ask(&self, api: &mut RuntimeApiClient) -> Result<Next, ApiError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match api.next().await {
                // The Runtime API's words for "the container is broken" and "this runtime is in the wrong state".
                Err(ApiError::Status(status @ (StatusCode::INTERNAL_SERVER_ERROR | StatusCode::FORBIDDEN))) => {
                    return Err(ApiError::Status(status));
                }
                // Where all ends there is nobody any more.
                Err(error) if self.shutdown.has_begun() => return Err(error),
                Err(error) => {
                    warn!("no next event: {}; trying again in {wait:?}", chain(&error));
                    sleep(wait).await;
                    wait *= 2;
                }
                Ok(next) => return Ok(next),
            }
        }
        api.next().await
    }

    /// Fails an invocation whose event did not come again, on a connection of its own: the other may wait for an event.
    async fn give_up(&self, cut_off: Option<Reply>) {
        if let Some(failed) = cut_off {
            // How it went is in the log.
            let _ = post(&mut RuntimeApiClient::new(&self.authority), failed).await;
        }
    }
}

async fn post(api: &mut RuntimeApiClient, reply: Reply) -> Result<(), ApiError> {
    let Reply { to, outcome, spent } = reply;
    let posted = api.answer(&to, outcome).await;
    drop(spent);
    if let Err(error) = &posted {
        // Lambda gave up on this invocation: too late, too large, or answered already. The next one is not affected.
        warn!(request_id = %wire::lossy(&to.request_id), "the answer was not taken: {}", chain(error));
    }
    posted
}

fn ending() -> Failure {
    Failure::new(ErrorType::Internal, "the environment ends").hint("invoke the function again")
}

fn not_whole(error: &ApiError) -> Failure {
    let hint = match error {
        ApiError::Http(HttpError::TooLarge(_)) => "put the event's data into S3 and send where it is",
        _ => "invoke the function again",
    };
    Failure::new(ErrorType::InvalidEvent, format!("the event did not come whole: {}", chain(error))).hint(hint)
}

/// Events that can't be answered, or whose answer is not taken. Under the emulator such an event comes again at once, and would
/// run again and again, because a caller can choose a request id for which no answer is ever taken.
struct Unanswerable {
    /// The last one.
    last: Option<EventHeaders>,
    wait: Duration,
}

impl Default for Unanswerable {
    fn default() -> Self {
        Self { last: None, wait: FIRST_WAIT }
    }
}

impl Unanswerable {
    fn remember(&mut self, headers: EventHeaders) {
        self.last = Some(headers);
    }

    fn is(&self, headers: &EventHeaders) -> bool {
        self.last.as_ref().is_some_and(|last| last.is_same_delivery(headers))
    }

    async fn wait(&mut self) {
        sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }
}

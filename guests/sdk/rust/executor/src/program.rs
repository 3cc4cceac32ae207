//! This module drives the function: its `main`, its tasks and its timers.

use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    process::ExitCode,
    task::Poll,
    time::Duration,
};

use guesthouse_guest::Error;
use tokio::{
    runtime::{Builder, Runtime},
    time::{Sleep, sleep},
};

use crate::{
    events::{self, Event},
    failure::Failed,
    reactor,
};

/// What `main` may return.
pub trait Outcome: Sized {
    /// What `main` returns to Rust when it is only suspended.
    fn suspended() -> Self;
    /// The error, if it is one.
    fn error(&self) -> Option<Failed>;
}

impl Outcome for () {
    fn suspended() {}

    fn error(&self) -> Option<Failed> {
        None
    }
}

impl Outcome for ExitCode {
    fn suspended() -> Self {
        Self::SUCCESS
    }

    fn error(&self) -> Option<Failed> {
        (*self != Self::SUCCESS).then(|| Failed(Error::new("Error", format!("`main` ended with {self:?}"))))
    }
}

impl<T: Outcome, E: fmt::Debug + 'static> Outcome for Result<T, E> {
    fn suspended() -> Self {
        Ok(T::suspended())
    }

    fn error(&self) -> Option<Failed> {
        match self {
            Ok(outcome) => outcome.error(),
            Err(error) => Some(Failed::from(error)),
        }
    }
}

/// How far the function is.
pub(crate) enum Progress {
    /// It waits for an event, or for something else that only comes with one.
    Waits,
    /// Its `main` has ended, with this error if it was one.
    Ended(Option<Error>),
}

struct Program {
    main: Pin<Box<dyn Future<Output = Option<Error>>>>,
    /// A timer that nobody waits for. Without any, tokio would wait on a lock, and wasm has no threads to open it.
    _never: Pin<Box<Sleep>>,
    runtime: Runtime,
}

thread_local! {
    static PROGRAM: RefCell<Option<Program>> = const { RefCell::new(None) };
    static ENDED: RefCell<Option<Option<Error>>> = const { RefCell::new(None) };
}

/// Longer than anything runs.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Drives a function's `main` until it waits for an event, and keeps it for the events to come. Returns what it
/// returned, if it ended.
pub fn start<F>(main: F) -> F::Output
where
    F: Future + 'static,
    F::Output: Outcome,
{
    let runtime = Builder::new_current_thread().enable_time().on_thread_park(reactor::wait).build();
    let runtime = runtime.expect("a runtime without threads needs nothing from the system");
    let never = runtime.block_on(async {
        let mut never = Box::pin(sleep(NEVER));
        poll_fn(|task| Poll::Ready(never.as_mut().poll(task))).await.is_pending().then_some(never)
    });
    let outcome = std::rc::Rc::new(RefCell::new(None));
    let kept = outcome.clone();
    let main = Box::pin(async move {
        let outcome = main.await;
        let error = outcome.error();
        kept.replace(Some(outcome));
        error.map(|Failed(error)| error)
    });
    let program = Program { main, _never: never.expect("a year is not over at once"), runtime };
    if let Some(program) = drive(program, |state| state.waits) {
        PROGRAM.set(Some(program));
    }
    outcome.take().unwrap_or_else(F::Output::suspended)
}

/// Says how far the function is.
pub(crate) fn progress() -> Progress {
    match PROGRAM.with_borrow(Option::is_some) {
        true => Progress::Waits,
        false => Progress::Ended(ENDED.take().flatten()),
    }
}

/// Drives the function until it has answered the event.
pub(crate) fn answer(event: Event) -> Result<String, Error> {
    let program = PROGRAM.take().unwrap_or_else(|| ended());
    events::bring(event);
    // What a layer does after the answer ends before the environment may be frozen, as on Lambda.
    PROGRAM.set(drive(program, |state| state.has_response && state.waits));
    events::take_response().unwrap_or_else(|| ended())
}

/// Throws the instance away, whose `main` has ended, as Lambda does with a process that ends. A panic does so.
fn ended() -> ! {
    let error = ENDED.take().flatten();
    panic!("`main` ended: {}", error.map_or_else(|| "no event can follow".to_owned(), |error| error.error_message))
}

/// Drives a function until it ends, in which case it is gone, or gets as far as wanted.
fn drive(mut program: Program, is_enough: impl Fn(&events::State) -> bool) -> Option<Program> {
    let main = &mut program.main;
    let ended = program.runtime.block_on(poll_fn(|task| {
        reactor::drives(task.waker());
        if let Poll::Ready(error) = main.as_mut().poll(task) {
            return Poll::Ready(Some(error));
        }
        if is_enough(&events::state(task.waker())) { Poll::Ready(None) } else { Poll::Pending }
    }));
    match ended {
        None => Some(program),
        Some(error) => {
            ENDED.set(Some(error));
            None
        }
    }
}

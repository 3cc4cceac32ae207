//! This module hands events to the function, and its responses back.

use std::{
    cell::RefCell,
    future::poll_fn,
    task::{Poll, Waker},
};

use guesthouse_guest::{Context, Error};

/// An event as it came.
#[derive(Debug)]
pub struct Event {
    /// The event's text, usually JSON.
    pub text: String,
    /// What Lambda says about the invocation.
    pub context: Context,
}

#[derive(Default)]
struct Exchange {
    event: Option<Event>,
    response: Option<Result<String, Error>>,
    /// Whoever waits for an event.
    waiting: Option<Waker>,
    /// Whoever drives the function.
    driver: Option<Waker>,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

fn exchange<T>(with: impl FnOnce(&mut Exchange) -> T) -> T {
    EXCHANGE.with_borrow_mut(with)
}

/// Waits for the next event.
pub async fn next_event() -> Event {
    poll_fn(|task| {
        let (event, driver) = exchange(|exchange| {
            let event = exchange.event.take();
            // Whoever drives the function has to know that it waits; another task may be the one that does.
            let driver = if event.is_none() { exchange.driver.take() } else { None };
            exchange.waiting = event.is_none().then(|| task.waker().clone());
            (event, driver)
        });
        driver.inspect(Waker::wake_by_ref);
        event.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Gives the response for the event that [`next_event`] returned last.
pub fn respond(response: Result<String, Error>) {
    let driver = exchange(|exchange| {
        exchange.response = Some(response);
        exchange.driver.take()
    });
    driver.inspect(Waker::wake_by_ref);
}

/// Brings an event to whoever waits for one.
pub(crate) fn bring(event: Event) {
    let waiting = exchange(|exchange| {
        exchange.response = None;
        exchange.event = Some(event);
        exchange.waiting.take()
    });
    waiting.inspect(Waker::wake_by_ref);
}

/// Returns the response, once there is one.
pub(crate) fn take_response() -> Option<Result<String, Error>> {
    exchange(|exchange| exchange.response.take())
}

/// Returns what there is for whoever drives the function, who is woken when that changes.
pub(crate) fn state(driver: &Waker) -> State {
    exchange(|exchange| {
        exchange.driver = Some(driver.clone());
        State { waits: exchange.waiting.is_some(), has_response: exchange.response.is_some() }
    })
}

/// How far the function is.
pub(crate) struct State {
    pub waits: bool,
    pub has_response: bool,
}

//! This crate drives a function that was written for `lambda_runtime`. Not for direct use: it may change with any
//! version.
//!
//! Such a function is a program whose `main` never ends: it makes what it needs, and then waits for events for ever. A
//! guest is called for each event, and has to return. So [`start`] drives `main` only until it waits for an event, and
//! keeps it as it is, with all that it borrows. Each event drives it on, until there is a response. Why it is so:
//! decision 53.

mod events;
mod failure;
mod guest;
mod program;
mod reactor;

pub use self::{
    events::{Event, next_event, respond},
    failure::Failed,
    program::{Outcome, start},
    reactor::Ready,
};
/// What is known of an invocation, what a failed one tells its caller, and how a response is streamed.
pub use guesthouse_guest::{Context, Error, HttpHead, ResponseStream, StreamError};

//! `poll_oneoff`: waiting, for a time or until something can be read or written.

use std::time::Duration;

use tokio::time::sleep;
use wasmtime_wasi::{
    clocks::WasiClocksView as _,
    filesystem::WasiFilesystemView as _,
    p1::types::{
        Clockid, Errno, Error, Event, EventFdReadwrite, Eventrwflags, Eventtype, Fd, Size, Subclockflags, Subscription,
        SubscriptionClock, SubscriptionU,
    },
    p2::bindings::{
        clocks::{monotonic_clock, wall_clock},
        filesystem::types::HostDescriptor as _,
    },
};
use wiggle::{GuestMemory, GuestPtr};

use super::{
    super::POLL_LIMIT,
    descriptors::{Descriptors, Open},
};
use crate::engine::state::State;

/// Waits until the first of these things has come about, and writes an event for each that has.
pub(super) async fn wait(
    state: &mut State,
    memory: &mut GuestMemory<'_>,
    subscriptions: GuestPtr<[Subscription]>,
    mut events: GuestPtr<Event>,
) -> Result<Size, Error> {
    if subscriptions.len() == 0 || subscriptions.len() as usize > POLL_LIMIT {
        return Err(Errno::Inval.into());
    }
    let mut waiting = Vec::new();
    for subscription in subscriptions.iter() {
        let subscription = memory.read(subscription?)?;
        waiting.push((subscription.userdata, Awaited::of(state, &subscription.u).await?));
    }
    let now = monotonic(state)?;
    let first = waiting.iter().map(|(_, awaited)| awaited.at).min().unwrap_or(now);
    if first > now {
        sleep(Duration::from_nanos(first - now)).await;
    }
    // A timer may be early by less than the clock shows.
    let now = monotonic(state)?.max(first);
    let mut number = 0;
    for (userdata, Awaited { type_, fd_readwrite, .. }) in waiting.into_iter().filter(|(_, awaited)| awaited.at <= now)
    {
        memory.write(events, Event { userdata, error: Errno::Success, type_, fd_readwrite })?;
        events = events.add(1)?;
        number += 1;
    }
    Ok(number)
}

/// What is waited for.
struct Awaited {
    /// When it comes about, on the monotonic clock, in nanoseconds.
    at: u64,
    type_: Eventtype,
    fd_readwrite: EventFdReadwrite,
}

impl Awaited {
    async fn of(state: &mut State, subscription: &SubscriptionU) -> Result<Self, Error> {
        let none = EventFdReadwrite { flags: Eventrwflags::empty(), nbytes: 0 };
        let (at, type_, fd_readwrite) = match subscription {
            SubscriptionU::Clock(clock) => (instant(state, clock)?, Eventtype::Clock, none),
            SubscriptionU::FdRead(read) => (0, Eventtype::FdRead, readable(state, read.file_descriptor).await?),
            SubscriptionU::FdWrite(write) => (0, Eventtype::FdWrite, writable(state, write.file_descriptor)?),
        };
        Ok(Self { at, type_, fd_readwrite })
    }
}

fn instant(state: &mut State, clock: &SubscriptionClock) -> Result<u64, Error> {
    let is_absolute = clock.flags.contains(Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME);
    let left = match (clock.id, is_absolute) {
        (Clockid::Monotonic, true) => return Ok(clock.timeout),
        (Clockid::Monotonic | Clockid::Realtime, false) => clock.timeout,
        (Clockid::Realtime, true) => {
            let now = wall_clock::Host::now(&mut state.clocks()).map_err(Error::trap)?;
            clock.timeout.saturating_sub(now.seconds.saturating_mul(1_000_000_000) + u64::from(now.nanoseconds))
        }
        _ => return Err(Errno::Inval.into()),
    };
    Ok(monotonic(state)?.saturating_add(left))
}

fn monotonic(state: &mut State) -> Result<u64, Error> {
    monotonic_clock::Host::now(&mut state.clocks()).map_err(Error::trap)
}

/// Files and the event can always be read, if only to their end.
async fn readable(state: &mut State, fd: Fd) -> Result<EventFdReadwrite, Error> {
    let is_at_end = match Descriptors::of(state)?.get(fd)? {
        Open::Input(_) => false,
        Open::File(file) => {
            let (position, file) = (file.position, file.resource());
            state.filesystem().stat(file).await?.size <= position
        }
        Open::Output(_) | Open::Folder(_) => return Err(Errno::Badf.into()),
    };
    let flags = if is_at_end { Eventrwflags::FD_READWRITE_HANGUP } else { Eventrwflags::empty() };
    Ok(EventFdReadwrite { flags, nbytes: 1 })
}

/// Whoever writes more than the log takes waits while it writes.
fn writable(state: &mut State, fd: Fd) -> Result<EventFdReadwrite, Error> {
    match Descriptors::of(state)?.get(fd)? {
        Open::Output(_) | Open::File(_) => Ok(EventFdReadwrite { flags: Eventrwflags::empty(), nbytes: 1 }),
        Open::Input(_) | Open::Folder(_) => Err(Errno::Badf.into()),
    }
}

//! This module implements `poll_oneoff`, which waits for a time, or until a descriptor can be read or written.

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

use super::{super::limits::POLL_LIMIT, descriptors::Open, open::descriptors};
use crate::engine::store_state::StoreState;

/// Waits until the first subscription is due. Writes an event for each that is due by then, and returns their number.
pub(super) async fn wait(
    state: &mut StoreState,
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
    // The sleep may end slightly too early by this clock. The first subscription is due in any case.
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

/// An `Awaited` is a subscription, with the time at which it is due and the content of its event.
struct Awaited {
    /// The time at which it is due, on the monotonic clock, in nanoseconds. 0 for what is ready at once.
    at: u64,
    type_: Eventtype,
    fd_readwrite: EventFdReadwrite,
}

impl Awaited {
    async fn of(state: &mut StoreState, subscription: &SubscriptionU) -> Result<Self, Error> {
        let none = EventFdReadwrite { flags: Eventrwflags::empty(), nbytes: 0 };
        let (at, type_, fd_readwrite) = match subscription {
            SubscriptionU::Clock(clock) => (instant(state, clock)?, Eventtype::Clock, none),
            SubscriptionU::FdRead(read) => (0, Eventtype::FdRead, readable(state, read.file_descriptor).await?),
            SubscriptionU::FdWrite(write) => (0, Eventtype::FdWrite, writable(state, write.file_descriptor)?),
        };
        Ok(Self { at, type_, fd_readwrite })
    }
}

/// Returns when a timer is due, on the monotonic clock, in nanoseconds.
fn instant(state: &mut StoreState, clock: &SubscriptionClock) -> Result<u64, Error> {
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

fn monotonic(state: &mut StoreState) -> Result<u64, Error> {
    monotonic_clock::Host::now(&mut state.clocks()).map_err(Error::trap)
}

/// Describes a readable descriptor. Files and standard input are always ready: a read at their end returns at once.
async fn readable(state: &mut StoreState, fd: Fd) -> Result<EventFdReadwrite, Error> {
    let is_at_end = match descriptors(state)?.get(fd)? {
        Open::Input(_) => false,
        Open::File(file) => {
            let (position, file) = (file.position, file.resource());
            state.filesystem().stat(file).await?.size <= position
        }
        Open::Output(_) | Open::Directory(_) => return Err(Errno::Badf.into()),
    };
    let flags = if is_at_end { Eventrwflags::FD_READWRITE_HANGUP } else { Eventrwflags::empty() };
    Ok(EventFdReadwrite { flags, nbytes: 1 })
}

/// Describes a writable descriptor. These are always ready: a guest that writes faster than the log can take waits in
/// the write itself.
fn writable(state: &mut StoreState, fd: Fd) -> Result<EventFdReadwrite, Error> {
    match descriptors(state)?.get(fd)? {
        Open::Output(_) | Open::File(_) => Ok(EventFdReadwrite { flags: Eventrwflags::empty(), nbytes: 1 }),
        Open::Input(_) | Open::Directory(_) => Err(Errno::Badf.into()),
    }
}

//! An emission that waits for a place, without a thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use soiree_core::panic::{caught, contained};
use soiree_core::{
    PoolHandle, Rejection, Reservation, Reserve, SubmitErrorReason as Reason, TimerId,
};

use super::current::address;
use super::emit::Emitter;
use super::try_emit::{
    Full, NoPlace, NotAccepted, Ordered, RoomPlace, closed, reject_closed, reject_key_full,
    reject_later, reject_pool_full,
};
use crate::emission::{
    Emission, EmissionSettings, EmitError, InFlight, Ticket, end_unrun, in_flight_rejected,
};
use crate::ordering::{RoomWaiter, WaitLimit};

/// The pauses between two attempts to submit to a pool that reserves no places.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Waits until an emission that has started is accepted.
pub(super) struct WaitingEmit<'a> {
    emitter: &'a Emitter,
    ticket: Ticket,
    /// `None` once the future is ready.
    emission: Option<Arc<dyn InFlight>>,
    order: Option<Ordered>,
    handle: PoolHandle,
    wait: Wait,
    limit: Option<Limit>,
    alarm: Option<TimerId>,
}

/// What it waits for.
enum Wait {
    /// A place in the pool, for which it stands in the pool's line.
    Place(Reserve),
    /// Its turn to be submitted to a pool that reserves no places.
    Turn {
        /// The pool's reason to reject it before.
        reason: Reason,
        pause: Duration,
        /// The alarm for the next attempt is set.
        is_set: bool,
    },
    /// Room behind the events of its key.
    Room {
        /// `None` during an attempt.
        waiter: Option<RoomPlace>,
        capacity: usize,
        /// It was submitted without effect after the waker was set.
        has_looked: bool,
    },
}

/// How long it waits at most.
struct Limit {
    deadline: Instant,
    timeout: Duration,
    alarm: Option<TimerId>,
}

/// What follows a poll.
enum Next {
    Wait,
    Attempt(Option<Reservation>),
    Reject(Reason),
}

impl<'a> WaitingEmit<'a> {
    pub(super) fn new(emitter: &'a Emitter, no_place: NoPlace) -> Self {
        let wait = Wait::new(&no_place);
        let ticket = emitter.shared.waiting_emits.ticket();
        let NoPlace {
            emission,
            order,
            handle,
            ..
        } = no_place;
        let turn = wait.turn(&handle);
        // If the emitter is closed, the first poll finds out, and returns the payload.
        let reject = reject_later(&emission);
        if !emitter.shared.waiting_emits.enter(ticket, reject, turn) {
            reject_closed(&emission);
        }
        let mut waiting = Self {
            emitter,
            ticket,
            emission: Some(emission),
            order,
            handle,
            wait,
            limit: None,
            alarm: None,
        };
        waiting.set_limit();
        waiting
    }

    fn settings(&self) -> Option<Arc<EmissionSettings>> {
        let emission = self.emission.as_ref();
        emission.map(|emission| Arc::clone(&emission.state().settings))
    }

    /// Begins to measure how long it waits, if that is limited.
    fn set_limit(&mut self) {
        let timeout = match &self.wait {
            Wait::Place(reserve) => reserve.timeout(),
            Wait::Room { .. } => self.order.as_ref().and_then(|order| {
                match WaitLimit::of(order.rule.order.overflow_policy()) {
                    WaitLimit::Until(_, timeout) => Some(timeout),
                    _ => None,
                }
            }),
            Wait::Turn { .. } => None,
        };
        let settings = self.settings();
        let timer = settings
            .as_ref()
            .and_then(|settings| settings.timer.as_ref());
        if let (None, Some(timeout), Some(timer)) = (&self.limit, timeout, timer) {
            let deadline = timer.after(timeout);
            let (waiting, ticket) = (Arc::clone(&self.emitter.shared.waiting_emits), self.ticket);
            let alarm = timer.at(deadline, Box::new(move || waiting.wake(ticket)));
            self.limit = Some(Limit {
                deadline,
                timeout,
                alarm: alarm.ok(),
            });
        }
    }

    /// Looks whether the wait is over.
    fn poll_wait(&mut self, settings: &EmissionSettings, context: &mut Context<'_>) -> Next {
        let waiting = &self.emitter.shared.waiting_emits;
        let next = match &mut self.wait {
            Wait::Place(reserve) => match caught(|| Pin::new(reserve).poll(context)) {
                Ok(Poll::Pending) => Next::Wait,
                Ok(Poll::Ready(Ok(place))) => Next::Attempt(Some(place)),
                // Its topic may go elsewhere now.
                Ok(Poll::Ready(Err(Reason::Closed))) => Next::Attempt(None),
                Ok(Poll::Ready(Err(reason))) => Next::Reject(reason),
                Err(panic) => Next::Reject(Reason::Other(panic.message().into())),
            },
            Wait::Turn { pause, is_set, .. } => {
                if !waiting.is_next(self.ticket, address(self.handle.pool())) {
                    Next::Wait
                } else if std::mem::take(is_set) {
                    Next::Attempt(None)
                } else {
                    *is_set = true;
                    let (wakes, ticket) = (Arc::clone(waiting), self.ticket);
                    let alarm = settings.timer.as_ref().and_then(|timer| {
                        let wake = Box::new(move || wakes.wake(ticket));
                        timer.at(timer.after(*pause), wake).ok()
                    });
                    let former = std::mem::replace(&mut self.alarm, alarm);
                    cancel(settings, former);
                    match self.alarm {
                        Some(_) => Next::Wait,
                        None => Next::Reject(self.wait.reason()),
                    }
                }
            }
            Wait::Room {
                waiter, has_looked, ..
            } => {
                if std::mem::take(has_looked) {
                    Next::Wait
                } else {
                    // First, so that it is woken by any room that comes after the attempt.
                    if let Some(waiter) = waiter {
                        waiter.set_waker(context.waker());
                    }
                    Next::Attempt(None)
                }
            }
        };
        match (next, &self.limit) {
            (Next::Wait, Some(limit)) if is_over(limit, settings) => {
                Next::Reject(Reason::TimedOut {
                    waited: limit.timeout,
                })
            }
            (next, _) => next,
        }
    }

    /// Submits it once more. Returns `None` if it has to wait on.
    fn attempt(&mut self, place: Option<Reservation>) -> Option<Result<Emission, EmitError>> {
        let emission = self.emission.take()?;
        if !self.emitter.shared.waiting_emits.leave(self.ticket) {
            return Some(Err(closed(&emission)));
        }
        let order = self.order.take();
        let line = self.wait.take_line();
        let attempted = self
            .emitter
            .attempt(&self.handle, emission, order, place, line);
        let mut no_place = match attempted {
            Ok(emission) => return Some(Ok(emission)),
            Err(NotAccepted::Rejected(error)) => return Some(Err(*error)),
            Err(NotAccepted::NoPlace(no_place)) => no_place,
        };
        self.wait.go_on(&mut no_place, &self.handle);
        let NoPlace {
            emission,
            order,
            handle,
            ..
        } = *no_place;
        (self.order, self.handle) = (order, handle);
        let turn = self.wait.turn(&self.handle);
        let waiting = &self.emitter.shared.waiting_emits;
        if !waiting.enter(self.ticket, reject_later(&emission), turn) {
            reject_closed(&emission);
            return Some(Err(closed(&emission)));
        }
        self.emission = Some(emission);
        self.set_limit();
        None
    }

    fn reject(&mut self, reason: Reason) -> Option<EmitError> {
        let emission = self.emission.take()?;
        let room = match &self.wait {
            Wait::Room { capacity, .. } => Some(*capacity),
            _ => None,
        };
        self.wait.end();
        if !self.emitter.shared.waiting_emits.leave(self.ticket) {
            return Some(closed(&emission));
        }
        Some(match (room, reason) {
            (Some(capacity), Reason::TimedOut { waited }) => {
                let order = self.order.as_ref();
                reject_key_full(&emission, order, capacity, Some(waited))
            }
            (_, reason) => reject_pool_full(&emission, reason),
        })
    }
}

impl Future for WaitingEmit<'_> {
    type Output = Result<Emission, EmitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let settings = this.settings().expect("polled after it was ready");
        let ready = loop {
            let waiting = &this.emitter.shared.waiting_emits;
            if !waiting.set_waker(this.ticket, context.waker()) {
                break this.emission.take().map(|emission| Err(closed(&emission)));
            }
            match this.poll_wait(&settings, context) {
                Next::Wait => return Poll::Pending,
                Next::Reject(reason) => break this.reject(reason).map(Err),
                Next::Attempt(place) => match this.attempt(place) {
                    Some(ready) => break Some(ready),
                    None => continue,
                },
            }
        };
        this.cancel_alarms(&settings);
        Poll::Ready(ready.expect("it has not been ready before"))
    }
}

impl WaitingEmit<'_> {
    fn cancel_alarms(&mut self, settings: &EmissionSettings) {
        cancel(settings, self.alarm.take());
        cancel(settings, self.limit.take().and_then(|limit| limit.alarm));
    }
}

/// If the future is dropped before it is ready, nothing was emitted.
impl Drop for WaitingEmit<'_> {
    fn drop(&mut self) {
        let Some(emission) = self.emission.take() else {
            return;
        };
        self.cancel_alarms(&emission.state().settings);
        // First: what is notified and dropped from here on is user code, which may wait for a place too.
        self.wait.end();
        if self.emitter.shared.waiting_emits.leave(self.ticket) && emission.state().claim() {
            contained(|| {
                in_flight_rejected(&emission, Rejection::Cancelled, || end_unrun(&emission));
            });
        }
    }
}

impl Wait {
    fn new(no_place: &NoPlace) -> Self {
        match &no_place.full {
            Full::Pool(reason) => {
                let reserve = caught(|| no_place.handle.pool().reserve()).ok().flatten();
                reserve.map_or_else(|| Self::turn_after(reason, FIRST_PAUSE), Self::Place)
            }
            Full::Key(capacity) => {
                let order = no_place.order.as_ref().expect("its key has a queue");
                let slot = no_place.emission.state().slot();
                let slot = slot.expect("its key has a queue");
                Self::Room {
                    waiter: Some(RoomWaiter::new(&order.queues, slot.key())),
                    capacity: *capacity,
                    has_looked: false,
                }
            }
        }
    }

    fn turn_after(reason: &Reason, pause: Duration) -> Self {
        let reason = match reason {
            Reason::TimedOut { waited } => Reason::TimedOut { waited: *waited },
            Reason::Full { capacity } => Reason::Full {
                capacity: *capacity,
            },
            reason => Reason::Other(reason.to_string().into()),
        };
        Self::Turn {
            reason,
            pause,
            is_set: false,
        }
    }

    /// There was no place again, in the pool before or in another one.
    fn go_on(&mut self, no_place: &mut NoPlace, before: &PoolHandle) {
        let is_same_pool = address(no_place.handle.pool()) == address(before.pool());
        let line = no_place.line.take();
        match (&mut *self, &no_place.full, line) {
            (
                Self::Room {
                    waiter, has_looked, ..
                },
                Full::Key(_),
                Some(line),
            ) => {
                *waiter = Some(line);
                *has_looked = true;
            }
            (Self::Turn { pause, .. }, Full::Pool(_), _) if is_same_pool => {
                *pause = (*pause * 2).min(LONGEST_PAUSE);
            }
            _ => *self = Self::new(no_place),
        }
    }

    /// Leaves the line, and gives back the place if there is one.
    fn end(&mut self) {
        *self = Self::Turn {
            reason: Reason::Closed,
            pause: FIRST_PAUSE,
            is_set: false,
        };
    }

    /// The address of the pool that it is submitted to in its turn.
    fn turn(&self, handle: &PoolHandle) -> Option<usize> {
        matches!(self, Self::Turn { .. }).then(|| address(handle.pool()))
    }

    /// Takes its place among those who wait for room.
    fn take_line(&mut self) -> Option<RoomPlace> {
        match self {
            Self::Room { waiter, .. } => waiter.take(),
            _ => None,
        }
    }

    fn reason(&mut self) -> Reason {
        match self {
            Self::Turn { reason, .. } => std::mem::replace(reason, Reason::Closed),
            _ => Reason::Closed,
        }
    }
}

fn is_over(limit: &Limit, settings: &EmissionSettings) -> bool {
    let timer = settings.timer.as_ref();
    timer.is_some_and(|timer| timer.now() >= limit.deadline)
}

fn cancel(settings: &EmissionSettings, alarm: Option<TimerId>) {
    if let (Some(timer), Some(alarm)) = (&settings.timer, alarm) {
        timer.cancel(alarm);
    }
}

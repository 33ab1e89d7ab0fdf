//! Emissions: what `emit` returns.

mod cargo;
mod core;
mod flight;
mod future;
mod ground;
mod lane;
mod later;
mod link;
mod part;
mod report;
mod run;
mod setup;
mod stalled;
mod tell;
mod turn;
mod watch;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) use self::cargo::{Attributes, Bare, Cargo, View, Whole};
pub(crate) use self::core::Core;
use self::flight::AnyFlight;
pub(crate) use self::flight::Flight;
pub(crate) use self::future::Waiter;
pub(crate) use self::lane::Berth;
use self::lane::{Standing, lend_to_lane};
pub(crate) use self::link::Link;
pub(crate) use self::report::Errors;
pub use self::report::{Report, ReportError};
pub(crate) use self::setup::{Hub, Setup};
pub(crate) use self::stalled::Stalled;
pub(crate) use self::tell::{tell_accepted, tell_begun, tell_ended};
pub(crate) use self::turn::Turn;
use soiree_core::{InvalidTopic, ListenerError, Pattern, Payload, SubmitErrorReason};

/// An accepted emission. Dropping it is fine: the event is handled all the same, and its errors reach the error handler.
///
/// To wait on a worker of the pool that has yet to run the emission runs it there and then, on the waiting thread, so
/// that a pool never waits for itself. A listener that waits for the emission it was called by gets an
/// [`unfinished`](Report::unfinished) report at once; so does one that blocks on an emission whose
/// [async listeners](crate::AsyncListener) need the bulkhead that it runs on itself, where to `.await` it is no such thing. A listener that waits for an emission on *another* pool holds its worker
/// meanwhile: if something there waits in turn for what only that worker could run, both wait for ever. Two listeners on different threads that wait for each other's
/// emission do wait for ever: use [`wait_timeout`](Emission::wait_timeout) where that can be.
pub struct Emission {
    flight: Arc<dyn AnyFlight>,
}

/// An event was not accepted. Its payload comes back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The topic is malformed.
    #[error("{source}")]
    InvalidTopic {
        /// What is wrong with it, and where.
        source: InvalidTopic,
        /// What was to be emitted.
        payload: Payload,
    },
    /// The `EventPool` is closed or closing.
    #[error("the event pool is closed; {topic} was not emitted")]
    Closed {
        /// The topic.
        topic: Box<str>,
        /// What was to be emitted.
        payload: Payload,
    },
    /// Too many events wait behind others of their key, by the order of this pattern.
    #[error(
        "{topic} was not emitted: it is to wait behind others of its key, and {capacity} do already by the order of {pattern}"
    )]
    KeyQueueFull {
        /// The topic.
        topic: Box<str>,
        /// What was to be emitted.
        payload: Payload,
        /// Whose events are ordered.
        pattern: Pattern,
        /// How many may wait.
        capacity: usize,
        /// How long the emitter waited for room, if it did.
        waited: Option<Duration>,
    },
    /// An `emit_sync` inside a listener would have had to wait for others of its key.
    #[error(
        "{topic} was not emitted: others of its key are on their way, and a listener does not wait for them; use emit"
    )]
    KeyBusy {
        /// The topic.
        topic: Box<str>,
        /// What was to be emitted.
        payload: Payload,
        /// Whose events are ordered.
        pattern: Pattern,
    },
    /// The key function panicked.
    #[error("{topic} was not emitted: the key function for {pattern} panicked: {message}")]
    KeyPanicked {
        /// The topic.
        topic: Box<str>,
        /// What was to be emitted.
        payload: Payload,
        /// Whose events are ordered.
        pattern: Pattern,
        /// What it panicked with.
        message: Box<str>,
    },
    /// The pool took no more.
    #[error("the pool refused {topic}: {source}")]
    Rejected {
        /// The topic.
        topic: Box<str>,
        /// What was to be emitted.
        payload: Payload,
        /// Why.
        source: SubmitErrorReason,
    },
}

impl EmitError {
    /// What was to be emitted.
    pub fn into_payload(self) -> Payload {
        match self {
            Self::InvalidTopic { payload, .. }
            | Self::Closed { payload, .. }
            | Self::KeyQueueFull { payload, .. }
            | Self::KeyBusy { payload, .. }
            | Self::KeyPanicked { payload, .. }
            | Self::Rejected { payload, .. } => payload,
        }
    }
}

impl Emission {
    pub(crate) fn new(flight: Arc<impl Cargoed>) -> Self {
        Self {
            flight: flight.any(),
        }
    }

    /// Waits until the emission has ended. Blocks for as long as its listeners take.
    pub fn wait(&self) -> Report {
        self.wait_until(None)
            .expect("without a deadline there is no giving up")
    }

    /// Waits until the emission has ended, but not longer than `timeout`; `None` if it had not ended then.
    ///
    /// Where it runs on the waiting thread (see [`Emission`]) the timeout does not cut it short.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Report> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    /// Whether the emission has ended.
    pub fn is_finished(&self) -> bool {
        self.flight.core().is_done()
    }

    /// The errors of its listeners as they come: blocks for the next one until the emission has ended.
    ///
    /// Yields at most as many as the error buffer holds; the report counts the rest.
    pub fn errors(&self) -> ErrorIter<'_> {
        ErrorIter {
            emission: self,
            next: 0,
        }
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Option<Report> {
        let core = self.flight.core();
        if core.is_settled() {
            return Some(core.settled_report());
        }
        loop {
            let (is_in_vain, seen) = self.lend_thread(&mut Waiter::Blocking { in_vain: false });
            if !is_in_vain && !core.is_settled() {
                // Whoever waits for many in turn would be woken for each, and hold up the worker that it was woken by.
                std::thread::yield_now();
            }
            let mut ledger = core.ledger();
            while ledger.news == seen || core.is_settled() {
                if is_in_vain || core.is_settled() {
                    return Some(core.report(&ledger));
                }
                let left = match deadline {
                    None => None,
                    Some(deadline) => Some(deadline.checked_duration_since(Instant::now())?),
                };
                ledger = core.wait_change(ledger, left);
            }
        }
    }

    fn next_error(&self, index: usize) -> Option<ListenerError> {
        let core = self.flight.core();
        loop {
            let (is_in_vain, seen) = self.lend_thread(&mut Waiter::Blocking { in_vain: false });
            let mut ledger = core.ledger();
            while ledger.news == seen || core.is_settled() {
                if let Some(error) = ledger.errors.kept.get(index) {
                    return Some(error.clone());
                }
                if is_in_vain || core.is_settled() {
                    return None;
                }
                ledger = core.wait_change(ledger, None);
            }
        }
    }

    /// Runs here what of the emission could otherwise be waiting for this very thread. Says whether whoever waits here would wait
    /// for itself all the same, and how many parts there have been to look at.
    fn lend_thread(&self, waiter: &mut Waiter) -> (bool, usize) {
        let core = self.flight.core();
        // Before the lane is looked at, so that no news of it goes unseen.
        let seen = core.is_ordered().then(|| core.ledger().news);
        let standing = lend_to_lane(&self.flight, waiter);
        if matches!(standing, Standing::Its) && core.is_queued() && core.link().is_here() {
            Arc::clone(&self.flight).run_here();
        }
        let (_, seen_parts) = core.lend_to_parts(waiter);
        let seen = seen.unwrap_or(seen_parts);
        let is_inside = matches!(standing, Standing::Never) || core.is_around_here();
        let is_in_vain = is_inside || matches!(waiter, Waiter::Blocking { in_vain: true });
        (!core.is_settled() && is_in_vain, seen)
    }
}

/// Lets [`Emission::new`] take a flight of any cargo.
pub(crate) trait Cargoed {
    fn any(self: Arc<Self>) -> Arc<dyn AnyFlight>;
}

impl<C: Cargo> Cargoed for Flight<C> {
    fn any(self: Arc<Self>) -> Arc<dyn AnyFlight> {
        self
    }
}

impl fmt::Debug for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission")
            .field("topic", &self.flight.core().topic())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The errors of an emission as they come. See [`Emission::errors`].
#[derive(Debug)]
pub struct ErrorIter<'a> {
    emission: &'a Emission,
    next: usize,
}

impl Iterator for ErrorIter<'_> {
    type Item = ListenerError;

    fn next(&mut self) -> Option<ListenerError> {
        let error = self.emission.next_error(self.next)?;
        self.next += 1;
        Some(error)
    }
}

/// The errors of an emission as they come. See [`Emission::errors`].
#[derive(Debug)]
pub struct IntoErrors {
    emission: Emission,
    next: usize,
}

impl Iterator for IntoErrors {
    type Item = ListenerError;

    fn next(&mut self) -> Option<ListenerError> {
        let error = self.emission.next_error(self.next)?;
        self.next += 1;
        Some(error)
    }
}

impl IntoIterator for Emission {
    type Item = ListenerError;
    type IntoIter = IntoErrors;

    fn into_iter(self) -> IntoErrors {
        IntoErrors {
            emission: self,
            next: 0,
        }
    }
}

impl<'a> IntoIterator for &'a Emission {
    type Item = ListenerError;
    type IntoIter = ErrorIter<'a>;

    fn into_iter(self) -> ErrorIter<'a> {
        self.errors()
    }
}

/// Waits for an emission inside any executor; needs no runtime.
pub struct EmissionFuture {
    emission: Emission,
    waiter: Waiter,
}

impl IntoFuture for Emission {
    type Output = Report;
    type IntoFuture = EmissionFuture;

    fn into_future(self) -> EmissionFuture {
        EmissionFuture {
            emission: self,
            waiter: Waiter::Polled(Vec::new()),
        }
    }
}

impl Future for EmissionFuture {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Report> {
        let Self { emission, waiter } = &mut *self;
        let core = emission.flight.core();
        loop {
            let (is_in_vain, seen) = emission.lend_thread(waiter);
            waiter.poll(context);
            let waker = context.waker().clone();
            let mut ledger = core.ledger();
            if core.ask_to_be_told() || is_in_vain {
                return Poll::Ready(core.report(&ledger));
            }
            if ledger.news == seen {
                let old = ledger.waker.replace(waker);
                drop(ledger);
                drop(old);
                return Poll::Pending;
            }
        }
    }
}

impl fmt::Debug for EmissionFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmissionFuture")
            .field(&self.emission)
            .finish()
    }
}

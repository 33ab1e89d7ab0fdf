//! The handle of an emission: what `emit` returns.

use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use soiree_core::panic::Contained;
use soiree_core::sync::thread;
use soiree_core::{EventId, ListenerError, PayloadRef};

use super::helping::Waiter;
use super::in_flight::{InFlight, with_event};
use super::ordered::{KeyWatch, Runnable, help_before, submit_pending_heads};
use super::replies::CollectError;
use super::report::Report;
use super::run::run_queued;

/// An accepted emission. Dropping it changes nothing: the event is handled, and its errors reach the error handler.
///
/// If there is no error handler, errors that nobody has read are printed: one line each on stderr, up to ten in a second. The others are
/// counted; the count comes with the next line, or when the `EventPool` is closed or dropped. Errors of a report that was waited for, and
/// those that an iterator has yielded, count as read.
///
/// # Waiting
/// - If you wait on a worker of the pool that has still to run the emission, that worker runs it. So a pool never waits for itself.
/// - A listener that waits for the emission it was called by gets an [`unfinished`](Report::is_unfinished) report at once. So does a listener
///   that *blocks* on an emission whose [async listeners](soiree_core::AsyncListener) need the bulkhead that the listener runs on; with
///   `.await` it waits for them.
/// - A listener that waits for an emission on *another* pool holds its worker meanwhile. If something on that pool waits for what only this
///   worker can run, both wait forever. So do two listeners on different threads that wait for each other's emission. Use
///   [`wait_timeout`](Emission::wait_timeout) where that can happen.
pub struct Emission {
    task: Arc<dyn InFlight>,
}

impl Emission {
    pub(crate) fn new(task: Arc<dyn InFlight>) -> Self {
        Self { task }
    }

    /// Waits until the emission has ended. Blocks for as long as its listeners take.
    pub fn wait(&self) -> Report {
        self.wait_until(None)
            .expect("without a deadline it waits until the end")
    }

    /// Waits until the emission has ended, but no longer than `timeout`. Returns `None` if it has not ended by then.
    ///
    /// Where the waiting thread runs the emission (see [`Emission`]), the timeout does not interrupt it.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Report> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    /// Waits until the emission has ended, and returns the values that its listeners replied with. In async code, `.await` the
    /// emission, and call [`Report::collect`].
    ///
    /// # Errors
    /// As [`Report::collect`].
    pub fn collect<T: Any>(self) -> Result<Vec<PayloadRef<T>>, CollectError> {
        self.wait().collect()
    }

    /// The ID of the event, as its listeners see it. Created by the first who asks for it, here or in a listener.
    pub fn event_id(&self) -> EventId {
        with_event(&self.task, |event| event.id())
    }

    /// Whether the emission has ended, so that a wait returns its report at once. `true` once a close has waited for it.
    pub fn is_finished(&self) -> bool {
        self.task.state().has_ended()
    }

    /// The errors of its listeners as they happen. Each step blocks until the next error, or until the emission has ended.
    ///
    /// Yields as many errors as the error buffer holds; the report counts the others.
    pub fn errors(&self) -> ErrorIter<'_> {
        ErrorIter {
            emission: self,
            next: 0,
        }
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Option<Report> {
        let state = self.task.state();
        if state.is_settled() {
            return Some(state.settled_report());
        }
        let mut watch = KeyWatch::default();
        loop {
            let (is_useless, seen) = self.help(&mut Waiter::blocking(), &mut watch);
            if !is_useless && !state.is_settled() {
                // A thread that waits for many emissions in turn would be woken for each, and delay the worker that woke it.
                thread::yield_now();
            }
            let mut shared = state.shared();
            while shared.version == seen || state.is_settled() {
                if is_useless || state.is_settled() {
                    return Some(state.read_report(&mut shared));
                }
                let left = match deadline {
                    None => None,
                    Some(deadline) => Some(deadline.checked_duration_since(Instant::now())?),
                };
                shared = state.wait_for_change(shared, left);
            }
        }
    }

    fn next_error(&self, index: usize) -> Option<ListenerError> {
        let state = self.task.state();
        let mut watch = KeyWatch::default();
        loop {
            let (is_useless, seen) = self.help(&mut Waiter::blocking(), &mut watch);
            let mut shared = state.shared();
            while shared.version == seen || state.is_settled() {
                if let Some(error) = shared.read_error(index) {
                    return Some(error);
                }
                if is_useless || state.is_settled() {
                    state.end_of_errors(&mut shared);
                    return None;
                }
                shared = state.wait_for_change(shared, None);
            }
        }
    }

    /// Runs the pending work of the emission that needs this thread. Returns whether blocking would still deadlock, and the version of the
    /// pending work that was checked.
    fn help(&self, waiter: &mut Waiter, watch: &mut KeyWatch) -> (bool, usize) {
        waiter.reset();
        let is_blocked = !submit_pending_heads();
        let state = self.task.state();
        // Read before the queue of the key is looked at, so that no change of it is missed.
        let seen = state.is_ordered().then(|| state.shared().version);
        let runnable = help_before(&self.task, waiter, watch);
        let may_run = matches!(runnable, Runnable::Now);
        if may_run && state.is_queued() && state.pool_ref().is_here() {
            run_queued(&self.task);
        }
        let (_, seen_pending) = state.help_pending(waiter);
        let seen = seen.unwrap_or(seen_pending);
        let is_inside = is_blocked || matches!(runnable, Runnable::Never) || state.is_current();
        let is_useless = is_inside || waiter.is_useless();
        (!state.is_settled() && is_useless, seen)
    }
}

impl Drop for Emission {
    #[inline]
    fn drop(&mut self) {
        self.task.state().abandon();
    }
}

impl fmt::Debug for Emission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission")
            .field("topic", &self.task.state().topic())
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// The errors of an emission as they happen. See [`Emission::errors`].
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

/// The errors of an emission as they happen. See [`Emission::errors`].
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

/// Waits for an emission on any executor, and needs no runtime. Made with `.await`.
pub struct EmissionFuture {
    emission: Emission,
    waiter: Waiter,
    watch: KeyWatch,
}

impl IntoFuture for Emission {
    type Output = Report;
    type IntoFuture = EmissionFuture;

    fn into_future(self) -> EmissionFuture {
        EmissionFuture {
            emission: self,
            waiter: Waiter::polled(),
            watch: KeyWatch::default(),
        }
    }
}

impl Future for EmissionFuture {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Report> {
        let Self {
            emission,
            waiter,
            watch,
        } = &mut *self;
        let state = emission.task.state();
        loop {
            let (is_useless, seen) = emission.help(waiter, watch);
            waiter.poll(context);
            let waker = Contained::new(context.waker().clone());
            let mut shared = state.shared();
            if state.request_notification() || is_useless {
                return Poll::Ready(state.read_report(&mut shared));
            }
            if shared.version == seen {
                let old = shared.waker.replace(waker);
                drop(shared);
                drop(old);
                return Poll::Pending;
            }
        }
    }
}

impl Drop for EmissionFuture {
    fn drop(&mut self) {
        drop(self.emission.task.state().take_waker());
    }
}

impl fmt::Debug for EmissionFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmissionFuture")
            .field(&self.emission)
            .finish()
    }
}

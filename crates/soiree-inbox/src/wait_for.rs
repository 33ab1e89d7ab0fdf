//! Waiting for the next event that matches.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use soiree_core::panic::Contained;
use soiree_core::{BoxError, Event, ListenerOptions, SubscribeError, Timer, TimerId};
use soiree_engine::{Soiree, Unsubscriber, copy_event};

use crate::first_match::{Ended, Filter, FirstMatch, FirstMatchListener};

/// Waits for the next event that matches. Made by `EventPool::wait_for`, or by [`WaitFor::subscribe`] for any [`Soiree`].
///
/// It listens from before it is returned: an event that is emitted after that is seen, also if it comes before the wait begins. Up to
/// 1,024 such events are kept. Call [`wait`](WaitFor::wait) to block, or `.await` it; dropping it, or its future, unsubscribes.
///
/// ```
/// use soiree::EventPool;
/// use soiree_inbox::WaitFor;
/// use std::time::Duration;
///
/// let soiree = EventPool::new();
/// let done = WaitFor::subscribe(&soiree, "job.*.done")
///     .filter(|event| event.with_payload(|code: &i32| *code == 0) == Some(true))
///     .timeout(Duration::from_secs(60));
/// soiree.emit("job.6.done", 1_i32)?;
/// soiree.emit("job.7.done", 0_i32)?;
/// assert_eq!(done.wait()?.topic(), "job.7.done");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it waits when `wait` is called, or when it is awaited"]
pub struct WaitFor<E = Arc<dyn Event>> {
    subscribed: Result<Subscribed<E>, SubscribeError>,
    filter: Option<Filter<E>>,
    timeout: Option<Duration>,
}

/// A subscription that ends when this is dropped.
struct Subscribed<E> {
    first: Arc<FirstMatch<E>>,
    unsubscribe: Option<Unsubscriber>,
    timer: Option<Arc<dyn Timer>>,
}

/// Why no event came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitForError {
    /// It could not listen.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The `EventPool` was closed.
    #[error("the event pool was closed before an event matched")]
    Closed,
    /// No event matched in time.
    #[error("no event matched within {timeout:?}")]
    TimedOut {
        /// How long it has waited.
        timeout: Duration,
    },
    /// More events came before the wait began than are kept, and none of those that are kept passes the filter.
    #[error("{missed} events that may have matched came before the wait began, and were not kept")]
    Missed {
        /// How many were not kept.
        missed: u64,
    },
    /// A timeout was set, and the future has no timer that could wake it.
    #[error("a timeout in async code needs an event pool with a timer")]
    NoTimer,
}

impl WaitFor {
    /// Listens for events that match the pattern. An error is returned by the wait.
    #[track_caller]
    pub fn subscribe(soiree: &dyn Soiree, pattern: &str) -> Self {
        Self::subscribe_with(soiree, pattern, |event| Ok(copy_event(event)))
    }
}

impl<E: Send + 'static> WaitFor<E> {
    /// Listens for events that match the pattern, and returns what `convert` makes of the first one. If it returns an error, the
    /// listener fails with it, and the wait goes on.
    #[track_caller]
    pub fn subscribe_with(
        soiree: &dyn Soiree,
        pattern: &str,
        convert: impl Fn(&dyn Event) -> Result<E, BoxError> + Send + Sync + 'static,
    ) -> Self {
        let first = Arc::new(FirstMatch::new());
        let listener = FirstMatchListener {
            first: Arc::clone(&first),
            convert: Box::new(convert),
        };
        let place = std::panic::Location::caller();
        let options = ListenerOptions::new().registered_at(place);
        let id = soiree.subscribe(pattern, options, Arc::new(listener));
        Self {
            subscribed: id.map(|id| Subscribed {
                first,
                unsubscribe: Some(soiree.unsubscriber(pattern, &id)),
                timer: soiree.timer(),
            }),
            filter: None,
            timeout: None,
        }
    }
}

impl<E> WaitFor<E> {
    /// Waits for an event for which the filter returns `true`. It is called on workers, and for events that came before the wait
    /// began on the thread that waits.
    ///
    /// A filter that panics on a worker fails that call of the listener, and the wait goes on. On the thread that waits, the wait panics
    /// with it.
    pub fn filter(mut self, filter: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }

    /// Waits no longer than this, from the moment at which the wait begins.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Blocks until an event matches.
    ///
    /// A listener that waits here holds its worker. If that is the worker that the event needs, such as the only one of the pool, nothing
    /// comes: set a [timeout](WaitFor::timeout), or wait elsewhere.
    ///
    /// # Errors
    /// If it could not listen, no event matches in time, or the `EventPool` is closed.
    pub fn wait(self) -> Result<E, WaitForError> {
        let subscribed = self.subscribed?;
        let deadline = self
            .timeout
            .and_then(|limit| Instant::now().checked_add(limit));
        let first = &subscribed.first;
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let ended = match first.begin(self.filter, is_late) {
            Some(ended) => Some(ended),
            None => first.wait(deadline),
        };
        result(ended, self.timeout)
    }
}

fn result<E>(ended: Option<Ended<E>>, timeout: Option<Duration>) -> Result<E, WaitForError> {
    Err(match ended {
        Some(Ended::Matched(event)) => return Ok(event.into_inner()),
        Some(Ended::Closed) => WaitForError::Closed,
        Some(Ended::Missed(missed)) => WaitForError::Missed { missed },
        Some(Ended::TimedOut) | None => WaitForError::TimedOut {
            timeout: timeout.unwrap_or_default(),
        },
    })
}

impl<E> Drop for Subscribed<E> {
    fn drop(&mut self) {
        if let Some(unsubscribe) = self.unsubscribe.take() {
            unsubscribe();
        }
    }
}

impl<E: Send + 'static> IntoFuture for WaitFor<E> {
    type Output = Result<E, WaitForError>;
    type IntoFuture = WaitForFuture<E>;

    fn into_future(self) -> WaitForFuture<E> {
        WaitForFuture {
            wait_for: Some(self),
            waiting: None,
        }
    }
}

/// Waits for an event and holds no thread. Made with `.await`.
#[must_use = "futures do nothing unless polled"]
pub struct WaitForFuture<E> {
    /// `None` once it has started to wait.
    wait_for: Option<WaitFor<E>>,
    waiting: Option<Waiting<E>>,
}

struct Waiting<E> {
    subscribed: Subscribed<E>,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    alarm: Option<TimerId>,
}

impl<E: Send + 'static> WaitForFuture<E> {
    /// Begins to wait. Returns what it is ready with, if it is.
    fn begin(&mut self, wait_for: WaitFor<E>) -> Option<Result<E, WaitForError>> {
        let WaitFor {
            subscribed,
            filter,
            timeout,
        } = wait_for;
        let subscribed = match subscribed {
            Ok(subscribed) => subscribed,
            Err(error) => return Some(Err(error.into())),
        };
        let timer = subscribed.timer.as_ref();
        let limit = timer
            .zip(timeout)
            .map(|(timer, timeout)| (timer, timer.after(timeout)));
        let is_late = || limit.is_some_and(|(timer, due)| timer.now() >= due);
        if let Some(ended) = subscribed.first.begin(filter, is_late) {
            return Some(result(Some(ended), timeout));
        }
        let alarm = limit.and_then(|(timer, due)| {
            let first = Arc::clone(&subscribed.first);
            timer.at(due, Box::new(move || first.wake())).ok()
        });
        if timeout.is_some() && alarm.is_none() {
            return Some(Err(WaitForError::NoTimer));
        }
        let deadline = limit.map(|(_, due)| due);
        self.waiting = Some(Waiting {
            subscribed,
            timeout,
            deadline,
            alarm,
        });
        None
    }
}

impl<E: Send + 'static> Future for WaitForFuture<E> {
    type Output = Result<E, WaitForError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(wait_for) = self.wait_for.take() {
            if let Some(ready) = self.begin(wait_for) {
                return Poll::Ready(ready);
            }
        }
        let Some(waiting) = &self.waiting else {
            panic!("polled after it was ready");
        };
        let waker = Contained::new(context.waker().clone());
        let ended = waiting.subscribed.first.poll(waker);
        let is_late = || {
            let timer = waiting.subscribed.timer.as_ref().zip(waiting.deadline);
            timer.is_some_and(|(timer, deadline)| timer.now() >= deadline)
        };
        if ended.is_none() && !is_late() {
            return Poll::Pending;
        }
        let ready = result(ended, waiting.timeout);
        // Unsubscribes.
        self.waiting = None;
        Poll::Ready(ready)
    }
}

impl<E> Drop for Waiting<E> {
    fn drop(&mut self) {
        if let (Some(timer), Some(alarm)) = (&self.subscribed.timer, self.alarm.take()) {
            timer.cancel(alarm);
        }
    }
}

impl<E> fmt::Debug for WaitFor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor")
            .field("error", &self.subscribed.as_ref().err())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for WaitForFuture<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForFuture").finish_non_exhaustive()
    }
}

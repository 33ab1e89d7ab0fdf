//! Spans and events, all with the target `soiree`.

use std::cell::OnceCell;
use std::error::Error;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::attempt::ListenerAttempt;
use soiree_core::panic::contained;
use soiree_core::{EventId, ListenerEnd, Rejection};
use tracing::field::{Empty, display};
use tracing::{Level, Span, event, info_span};

const TARGET: &str = "soiree";

/// The span of an emission: from `emit` to the end of its last listener.
#[derive(Default)]
pub(crate) struct EmissionSpan {
    /// An emission that is not traced takes no lock.
    is_traced: AtomicBool,
    /// Locked only to take or copy the pointer.
    span: Mutex<Option<Arc<Span>>>,
}

/// The span of one attempt of a listener, once it is called.
#[derive(Default)]
pub(crate) struct ListenerSpan(OnceCell<Arc<Span>>);

/// The calling thread is inside the span until this is dropped, on the same thread.
#[must_use]
pub(crate) struct EnteredSpan {
    span: Option<Arc<Span>>,
    same_thread: PhantomData<*const ()>,
}

/// Whether a subscriber has been set.
#[inline]
pub(crate) fn is_possible() -> bool {
    tracing::dispatcher::has_been_set()
}

impl EmissionSpan {
    /// Starts the span, as a child of the one that the calling thread is in.
    pub(crate) fn start(
        &self,
        topic: &str,
        pool: Option<&str>,
        event_id: impl FnOnce() -> Option<EventId>,
    ) {
        contained(|| {
            let span = info_span!(target: TARGET, "emission", topic, pool, event_id = Empty);
            if span.is_disabled() {
                return;
            }
            if let Some(id) = event_id() {
                span.record("event_id", display(id));
            }
            self.replace(Some(Arc::new(span)));
            self.is_traced.store(true, Ordering::Release);
        });
    }

    /// The same span, for another part of the emission.
    pub(crate) fn share(&self) -> Self {
        let span = self.get();
        Self {
            is_traced: AtomicBool::new(span.is_some()),
            span: Mutex::new(span),
        }
    }

    pub(crate) fn enter(&self) -> EnteredSpan {
        EnteredSpan::new(self.get())
    }

    /// Ends the span once no thread is inside it.
    pub(crate) fn end(&self) {
        if self.is_traced.swap(false, Ordering::AcqRel) {
            let ended = self.replace(None);
            contained(move || drop(ended));
        }
    }

    fn get(&self) -> Option<Arc<Span>> {
        if !self.is_traced.load(Ordering::Acquire) {
            return None;
        }
        let span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.clone()
    }

    fn replace(&self, other: Option<Arc<Span>>) -> Option<Arc<Span>> {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut span, other)
    }
}

impl Drop for EmissionSpan {
    fn drop(&mut self) {
        self.end();
    }
}

impl ListenerSpan {
    /// Enters the span. The first call starts it, as a child of the emission's span.
    pub(crate) fn enter<'a>(&self, attempt: impl FnOnce() -> ListenerAttempt<'a>) -> EnteredSpan {
        if self.0.get().is_none() {
            contained(|| {
                if let Some(span) = start(&attempt()) {
                    self.0.get_or_init(|| Arc::new(span));
                }
            });
        }
        EnteredSpan::new(self.0.get().cloned())
    }

    /// Enters the span, if it was started.
    pub(crate) fn reenter(&self) -> EnteredSpan {
        EnteredSpan::new(self.0.get().cloned())
    }

    /// Records a failure. The span ends with its last owner.
    pub(crate) fn ended<'a>(
        &self,
        attempt: impl FnOnce() -> ListenerAttempt<'a>,
        outcome: ListenerEnd<'_>,
    ) {
        if !matches!(outcome, ListenerEnd::Succeeded) {
            let _entered = EnteredSpan::new(self.0.get().cloned());
            contained(|| failed(&attempt(), outcome));
        }
    }
}

impl Drop for ListenerSpan {
    fn drop(&mut self) {
        let span = self.0.take();
        contained(move || drop(span));
    }
}

fn start(attempt: &ListenerAttempt<'_>) -> Option<Span> {
    let listener = attempt.listener;
    let span = info_span!(
        target: TARGET,
        "listener",
        topic = attempt.topic,
        listener = listener.name.unwrap_or(listener.id.as_str()),
        listener_id = listener.id.as_str(),
        pattern = listener.pattern,
        pool = listener.pool,
        attempt = attempt.number,
        event_id = Empty,
    );
    if span.is_disabled() {
        return None;
    }
    if let Some(id) = attempt.event.known_id() {
        span.record("event_id", display(id));
    }
    Some(span)
}

#[cold]
fn failed(attempt: &ListenerAttempt<'_>, outcome: ListenerEnd<'_>) {
    let listener = attempt.listener;
    macro_rules! report {
        ($level:expr, $message:literal, $error:expr, $panic:expr) => {
            event!(
                target: TARGET,
                $level,
                topic = attempt.topic,
                listener = listener.name.unwrap_or(listener.id.as_str()),
                listener_id = listener.id.as_str(),
                pattern = listener.pattern,
                pool = listener.pool,
                attempt = attempt.number,
                registered_at = listener.registered_at.map(display),
                error = $error,
                panic = $panic,
                $message
            )
        };
    }
    match outcome {
        ListenerEnd::Failed(error) if attempt.is_last => {
            report!(
                Level::ERROR,
                "listener failed",
                error.source(),
                None::<&str>
            );
        }
        ListenerEnd::Failed(error) => {
            report!(Level::WARN, "listener failed", error.source(), None::<&str>);
        }
        ListenerEnd::Panicked(error) => {
            report!(
                Level::ERROR,
                "listener panicked",
                error.source(),
                error.panic_message()
            );
        }
        ListenerEnd::TimedOut(error) => {
            report!(
                Level::ERROR,
                "listener timed out",
                error.source(),
                None::<&str>
            );
        }
        ListenerEnd::Rejected(error) => {
            report!(
                Level::WARN,
                "listener rejected by its pool",
                error.source(),
                None::<&str>
            );
        }
        ListenerEnd::Discarded(error) => {
            report!(
                Level::WARN,
                "listener discarded by its pool",
                error.source(),
                None::<&str>
            );
        }
        ListenerEnd::Cancelled(error) => {
            report!(
                Level::WARN,
                "listener cancelled",
                error.source(),
                None::<&str>
            );
        }
        _ => {}
    }
}

/// Records that an emission was rejected.
#[cold]
pub(crate) fn rejected(topic: &str, why: Rejection<'_>) {
    contained(|| match why {
        // The reason shows the name, shortened and escaped.
        Rejection::InvalidTopic(reason) => {
            event!(target: TARGET, Level::WARN, error = reason as &dyn Error, "emission rejected");
        }
        Rejection::Closed => {
            event!(target: TARGET, Level::WARN, topic, "emission rejected: the event pool is closed");
        }
        Rejection::Reserved => {
            event!(target: TARGET, Level::WARN, topic, "emission rejected: its topic is reserved by an outbox");
        }
        Rejection::Cancelled => {
            event!(target: TARGET, Level::WARN, topic, "emission rejected: its future was dropped");
        }
        Rejection::RecursionLimit { depth } => {
            event!(target: TARGET, Level::WARN, topic, depth, "emission rejected: too many inside one another");
        }
        Rejection::Pool { pool, reason } => {
            let error = reason as &dyn Error;
            event!(target: TARGET, Level::WARN, topic, pool, error, "emission rejected by its pool");
        }
        Rejection::Order(reason) => {
            let order = reason.pattern().as_str();
            event!(target: TARGET, Level::WARN, topic, order, "emission rejected by its order: {reason}");
        }
        _ => {}
    });
}

/// Records that the pool dropped an emission that it had accepted.
#[cold]
pub(crate) fn discarded(topic: &str, pool: &str) {
    contained(
        || event!(target: TARGET, Level::WARN, topic, pool, "emission discarded by its pool"),
    );
}

impl EnteredSpan {
    fn new(span: Option<Arc<Span>>) -> Self {
        if let Some(span) = &span {
            contained(|| {
                span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
            });
        }
        Self {
            span,
            same_thread: PhantomData,
        }
    }
}

impl Drop for EnteredSpan {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            contained(move || {
                span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
                drop(span);
            });
        }
    }
}

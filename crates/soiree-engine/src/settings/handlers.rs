//! Who is told of what.

use crate::slow::{SlowListenerHandler, SlowListenerMonitor};
use soiree_core::{DeadLetter, Event, ListenerError, ListenerPanic, Observers};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Sees every listener error; what it returns goes into the report, `None` swallows it.
pub type ErrorHandler =
    Arc<dyn Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync>;
/// Sees every listener panic.
pub type PanicHandler = Arc<dyn Fn(&ListenerPanic<'_>) + Send + Sync>;
/// Sees every event that no listener was called for.
pub type DeadEventHandler = Arc<dyn Fn(&dyn Event) + Send + Sync>;
/// Sees every event that a listener has given up on.
pub type DeadLetterHandler = Arc<dyn Fn(&DeadLetter) + Send + Sync>;

/// What is told of failures and dead events. A handler that panics harms nothing: its panic is caught and dropped.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Handlers {
    /// Called for each error, a panic's included, before it goes into the report; and for one of a listener whose time had run out
    /// before, which does not.
    pub error: Option<ErrorHandler>,
    /// Called for each panic, before the error handler.
    pub panic: Option<PanicHandler>,
    /// Called for each event that was neither aborted nor called a listener.
    pub dead_event: Option<DeadEventHandler>,
    /// Called for each event that a listener with [retries](crate::ListenerOptions::retry) failed to handle in all its
    /// attempts, unless the event carries a [`DeadLetter`] itself.
    pub dead_letter: Option<DeadLetterHandler>,
    /// Who is told of everything that happens.
    pub observers: Observers,
    /// Called for each listener that runs for too long, while it does and once more when it has ended.
    pub slow_listener: Option<SlowListenerHandler>,
    /// For how long a listener may run that has no [threshold of its own](crate::ListenerOptions::slow_after).
    pub slow_after: Option<Duration>,
    /// What watches how long listeners run. Without it none is told of.
    pub slow_listener_monitor: Option<SlowListenerMonitor>,
}

impl Handlers {
    /// Whether nobody is told of a call that goes well.
    #[inline]
    pub(crate) fn are_quiet(&self) -> bool {
        self.observers.is_empty() && self.slow_listener.is_none()
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("error", &self.error.is_some())
            .field("panic", &self.panic.is_some())
            .field("dead_event", &self.dead_event.is_some())
            .field("dead_letter", &self.dead_letter.is_some())
            .field("observers", &self.observers)
            .field("slow_listener", &self.slow_listener.is_some())
            .field("slow_after", &self.slow_after)
            .field(
                "slow_listener_monitor",
                &self.slow_listener_monitor.is_some(),
            )
            .finish()
    }
}

//! Who is notified of failures.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::panic::contained;
use soiree_core::{DeadLetter, Event, Interest, ListenerError, ListenerPanic, Observers};

use crate::slow::{SlowListenerHandler, SlowListenerMonitor};
use crate::unhandled::UnhandledErrors;

/// Is called for each listener error. The report keeps the error that it returns; `None` swallows the error.
pub type ErrorHandler =
    Arc<dyn Fn(&dyn Event, ListenerError) -> Option<ListenerError> + Send + Sync>;
/// Is called for each listener panic.
pub type PanicHandler = Arc<dyn Fn(&ListenerPanic<'_>) + Send + Sync>;
/// Is called for each event that has no listener.
pub type UnheardEventHandler = Arc<dyn Fn(&dyn Event) + Send + Sync>;
/// Is called for each event that a listener has failed to handle in all its attempts.
pub type DeadLetterHandler = Arc<dyn Fn(&DeadLetter) + Send + Sync>;

/// Handlers and observers. A panic in one of them is caught and dropped.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Handlers {
    /// Called for each error and each panic of a listener, before the report keeps it. Also called for an error of a listener that had
    /// timed out before; the report does not keep that one. Without it, errors that nobody reads are
    /// [printed](crate::Emission).
    pub error: Option<ErrorHandler>,
    /// Called for each panic, before the error handler.
    pub panic: Option<PanicHandler>,
    /// Called for each event that called no listener and was not aborted.
    pub unheard_event: Option<UnheardEventHandler>,
    /// Called for each event that a listener with [retries](soiree_core::ListenerOptions::retry) failed to handle in all its attempts,
    /// unless the event carries a [`DeadLetter`] itself.
    pub dead_letter: Option<DeadLetterHandler>,
    /// Notified of everything that happens.
    pub observers: Observers,
    /// Called for each listener that runs for too long: while it runs, and once more when it has ended.
    pub slow_listener: Option<SlowListenerHandler>,
    /// How long a listener may run that has no [threshold of its own](soiree_core::ListenerOptions::slow_after).
    pub slow_after: Option<Duration>,
    /// Monitors how long listeners run. Without it no listener is reported as slow.
    pub slow_listener_monitor: Option<SlowListenerMonitor>,
    /// Prints what reaches no handler.
    pub(crate) unhandled: Arc<UnhandledErrors>,
}

impl Handlers {
    /// Whether there is any handler or observer.
    pub(crate) fn are_any(&self) -> bool {
        let failures = self.error.is_some() || self.panic.is_some() || self.dead_letter.is_some();
        let successes = self.slow_listener.is_some() || !self.observers.is_empty();
        failures || self.unheard_event.is_some() || successes
    }

    /// Whether no handler is called for an error of a listener.
    pub(crate) fn leave_unhandled(&self, error: &ListenerError) -> bool {
        let is_seen = error.is_panic() && self.panic.is_some();
        self.error.is_none() && !is_seen
    }

    /// Prints an error that nobody will read, unless a handler was called for it.
    #[cold]
    pub(crate) fn print_if_unhandled(&self, error: &ListenerError) {
        if self.leave_unhandled(error) {
            self.unhandled.print(error);
        }
    }

    /// Whether anybody is notified of a call that succeeds.
    #[inline]
    pub(crate) fn observe_calls(&self) -> bool {
        self.observers.want(Interest::LISTENERS) || self.slow_listener.is_some()
    }

    /// Whether anybody is notified of an emission that succeeds, or of its calls.
    pub(crate) fn observe_emissions(&self) -> bool {
        self.observers.want(Interest::EMISSIONS) || self.observe_calls()
    }
}

/// Two handlers whose `Drop` panics would abort the process otherwise.
impl Drop for Handlers {
    fn drop(&mut self) {
        contained(|| drop(self.error.take()));
        contained(|| drop(self.panic.take()));
        contained(|| drop(self.unheard_event.take()));
        contained(|| drop(self.dead_letter.take()));
        contained(|| drop(self.slow_listener.take()));
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("error", &self.error.is_some())
            .field("panic", &self.panic.is_some())
            .field("unheard_event", &self.unheard_event.is_some())
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

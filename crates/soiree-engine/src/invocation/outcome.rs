//! How a call of a listener ended.

use std::time::Duration;

use soiree_core::panic::caught;
use soiree_core::{BoxError, PanicPayload};

/// How a call of a listener ended, or why the listener was not called.
pub(crate) enum CallOutcome {
    /// The event was aborted before.
    Aborted,
    /// The filter rejected the event, or the listener has had all its runs.
    Skipped,
    Returned(Result<(), BoxError>),
    Panicked(PanicPayload),
    /// The time ran out, and the caller has to report it. Holds the outcome of the listener if it has returned since.
    TimedOut(Duration, Option<Box<CallOutcome>>),
    /// The time ran out and the timer thread has reported it, before the listener returned with this outcome.
    Superseded(AfterTimeout, Box<CallOutcome>),
}

/// Who calls the listeners after one that has returned too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterTimeout {
    /// The thread that the listener returned on.
    ThisThread,
    /// Another thread, or there are none.
    AnotherThread,
}

impl CallOutcome {
    /// Runs user code, and turns its panic into an outcome.
    pub(crate) fn caught(run: impl FnOnce() -> Self) -> Self {
        caught(run).unwrap_or_else(Self::Panicked)
    }
}

//! Calls of listeners, and telling of them.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::told::{ListenerEnd, ListenerEnded, ListenerStarted};
use super::{Observers, clock};
use crate::event::Event;
use crate::listener::BoxError;
use crate::registry::Entry;
use crate::trace::ListenerSpan;

/// A listener's turn in an emission.
pub(crate) struct Call<'a> {
    pub(crate) entry: &'a Arc<Entry>,
    pub(crate) topic: &'a str,
    pub(crate) event: &'a dyn Event,
    /// They count from 1.
    pub(crate) attempt: u32,
    observers: &'a Observers,
    started: Cell<Option<Instant>>,
    span: ListenerSpan,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        entry: &'a Arc<Entry>,
        topic: &'a str,
        event: &'a dyn Event,
        attempt: u32,
        observers: &'a Observers,
    ) -> Self {
        Self {
            entry,
            topic,
            event,
            attempt,
            observers,
            started: Cell::new(None),
            span: ListenerSpan::default(),
        }
    }

    /// Calls the listener with the event as it is to see it. No listener is called anywhere else.
    #[inline]
    pub(crate) fn run(&self, seen: &dyn Event) -> Result<(), BoxError> {
        if !self.observers.is_empty() {
            self.tell_started();
        }
        let _entered = self.span.enter(self);
        self.entry.listener.handle(seen)
    }

    #[cold]
    fn tell_started(&self) {
        let started = ListenerStarted {
            topic: self.topic,
            event: self.event,
            listener: self.entry.told(),
            attempt: self.attempt,
        };
        self.observers
            .tell(|observer| observer.listener_started(&started));
        self.started.set(Some(clock::now()));
    }

    /// Tells what came of it; right after it was run, if it was.
    #[inline]
    pub(crate) fn ended(&self, outcome: ListenerEnd<'_>) {
        self.span.ended(self, outcome);
        if !self.observers.is_empty() {
            self.tell_ended(outcome);
        }
    }

    #[cold]
    fn tell_ended(&self, outcome: ListenerEnd<'_>) {
        let started = self.started.get();
        let ended = ListenerEnded {
            topic: self.topic,
            event: self.event,
            listener: self.entry.told(),
            attempt: self.attempt,
            outcome,
            run_time: started.map(|started| clock::now().saturating_duration_since(started)),
        };
        self.observers
            .tell(|observer| observer.listener_ended(&ended));
    }
}

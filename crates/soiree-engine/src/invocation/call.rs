//! Calls of listeners, and telling of them.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::settings::Handlers;
use crate::slow::{Running, Seat, SlowListenerMonitor};
use crate::topic_text::TopicText;
use crate::trace::{Entered, ListenerAttempt, ListenerSpan};
use soiree_core::Retry;
use soiree_core::observe::clock;
use soiree_core::registry::Registration;
use soiree_core::{BoxError, Event, ListenerFuture};
use soiree_core::{ListenerEnd, ListenerEnded, ListenerStarted};

/// A listener's turn in an emission.
pub(crate) struct Call<'a> {
    pub(crate) entry: &'a Arc<Registration>,
    pub(crate) topic: &'a str,
    pub(crate) event: &'a dyn Event,
    /// They count from 1.
    pub(crate) attempt: u32,
    handlers: &'a Handlers,
    started: Cell<Option<Instant>>,
    span: ListenerSpan,
    watched: Cell<Option<(&'a SlowListenerMonitor, Seat)>>,
}

/// A call of a listener that is a future, between its polls. It has to be [resumed](Call::resume).
pub(crate) struct Begun {
    started: Option<Instant>,
    span: ListenerSpan,
    seat: Option<Seat>,
}

impl Begun {
    /// What the thread traces belongs to the listener until this is dropped.
    pub(crate) fn enter(&self) -> Entered {
        self.span.enter_again()
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        entry: &'a Arc<Registration>,
        topic: &'a str,
        event: &'a dyn Event,
        attempt: u32,
        handlers: &'a Handlers,
    ) -> Self {
        Self {
            entry,
            topic,
            event,
            attempt,
            handlers,
            started: Cell::new(None),
            span: ListenerSpan::default(),
            watched: Cell::new(None),
        }
    }

    /// Calls the listener with the event as it is to see it. Elsewhere listeners are called only where nobody is to be told.
    #[inline]
    pub(crate) fn run(&self, seen: &dyn Event) -> Result<(), BoxError> {
        if !self.handlers.are_quiet() {
            self.begin();
        }
        let _entered = self.span.enter(|| self.attempt());
        self.entry.listener.handle(seen)
    }

    /// As [`run`](Call::run), for a listener that is a future.
    pub(crate) fn start(&self, seen: &Arc<dyn Event>) -> Option<ListenerFuture> {
        let listener = self.entry.listener.as_async()?;
        if !self.handlers.are_quiet() {
            self.begin();
        }
        let _entered = self.span.enter(|| self.attempt());
        Some(listener.handle(Arc::clone(seen)))
    }

    /// Leaves off, until it is resumed.
    pub(crate) fn leave(mut self) -> Begun {
        Begun {
            started: self.started.get(),
            span: mem::take(&mut self.span),
            seat: self.watched.take().map(|(_, seat)| seat),
        }
    }

    /// Goes on with a call that was left.
    pub(crate) fn resume(mut self, begun: Begun) -> Self {
        self.started.set(begun.started);
        self.span = begun.span;
        let watch = self.handlers.slow_listener_monitor.as_ref();
        self.watched.set(watch.zip(begun.seat));
        self
    }

    /// It was run so long ago, by another thread.
    pub(crate) fn was_run(&self, ago: Duration) {
        if !self.handlers.observers.is_empty() {
            self.started.set(clock::now().checked_sub(ago));
        }
    }

    #[cold]
    fn begin(&self) {
        let observers = &self.handlers.observers;
        if !observers.is_empty() {
            let started = ListenerStarted::new(
                self.topic,
                self.event,
                self.entry.listener_ref(),
                self.attempt,
            );
            observers.notify(|observer| observer.listener_started(&started));
            self.started.set(Some(clock::now()));
        }
        self.watched.set(self.watch());
    }

    fn attempt(&self) -> ListenerAttempt<'_> {
        let number = self.attempt;
        let is_last = |retry: Retry| retry.delay(number).is_none();
        ListenerAttempt {
            topic: self.topic,
            event: self.event,
            listener: self.entry.listener_ref(),
            number,
            is_last: self.entry.retry().is_none_or(is_last),
        }
    }

    /// Has the listener watched, if there is a limit to how long it should run.
    fn watch(&self) -> Option<(&'a SlowListenerMonitor, Seat)> {
        let threshold = self.entry.slow_after().or(self.handlers.slow_after)?;
        let watch = self.handlers.slow_listener_monitor.as_ref()?;
        let began = watch.now();
        let seat = watch.begin(Running {
            entry: Arc::clone(self.entry),
            topic: TopicText::new(self.topic),
            attempt: self.attempt,
            threshold,
            observers: self.handlers.observers.clone(),
            handler: self.handlers.slow_listener.clone(),
            began,
            due: began.checked_add(threshold)?,
        });
        Some((watch, seat))
    }

    /// Tells what came of it; right after it was run, if it was.
    #[inline]
    pub(crate) fn ended(&self, outcome: ListenerEnd<'_>) {
        self.span.ended(|| self.attempt(), outcome);
        if !self.handlers.are_quiet() {
            self.tell_ended(outcome);
        }
    }

    #[cold]
    fn tell_ended(&self, outcome: ListenerEnd<'_>) {
        let started = self.started.get();
        let run_time = started.map(|started| clock::now().saturating_duration_since(started));
        self.end_watch();
        let listener = self.entry.listener_ref();
        let (topic, event, attempt) = (self.topic, self.event, self.attempt);
        let ended = ListenerEnded::new(topic, event, listener, attempt, outcome, run_time);
        let observers = &self.handlers.observers;
        observers.notify(|observer| observer.listener_ended(&ended));
    }

    fn end_watch(&self) {
        if let Some((watch, seat)) = self.watched.take() {
            watch.end(seat);
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.end_watch();
    }
}

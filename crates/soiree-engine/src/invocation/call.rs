//! One call of a listener, with its span, its time and its observers.

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::observe::clock;
use soiree_core::panic::Contained;
use soiree_core::registry::Registration;
use soiree_core::{
    BoxError, Event, Interest, ListenerEnd, ListenerEnded, ListenerFuture, ListenerStarted, Retry,
};

use crate::settings::Handlers;
use crate::slow::{MonitorKey, MonitoredCall, SlowListenerMonitor};
use crate::topic_text::TopicText;
use crate::trace::{EnteredSpan, ListenerAttempt, ListenerSpan};

/// One attempt of a listener in an emission.
pub(crate) struct Call<'a> {
    pub(crate) registration: &'a Arc<Registration>,
    pub(crate) topic: &'a str,
    pub(crate) event: &'a dyn Event,
    /// The number of the attempt, from 1.
    pub(crate) attempt: u32,
    handlers: &'a Handlers,
    started: Cell<Option<Instant>>,
    span: ListenerSpan,
    monitored: Cell<Option<(&'a SlowListenerMonitor, MonitorKey)>>,
}

/// A call of an async listener between two polls. It has to be [resumed](Call::resume).
pub(crate) struct SuspendedCall {
    started: Option<Instant>,
    span: ListenerSpan,
    monitor_key: Option<MonitorKey>,
}

impl SuspendedCall {
    /// The calling thread is inside the listener's span until this is dropped.
    pub(crate) fn enter_span(&self) -> EnteredSpan {
        self.span.reenter()
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        registration: &'a Arc<Registration>,
        topic: &'a str,
        event: &'a dyn Event,
        attempt: u32,
        handlers: &'a Handlers,
    ) -> Self {
        Self {
            registration,
            topic,
            event,
            attempt,
            handlers,
            started: Cell::new(None),
            span: ListenerSpan::default(),
            monitored: Cell::new(None),
        }
    }

    /// Calls the listener with `seen`, the event as the listener sees it. Only the fast paths in `dispatch/batch.rs` and
    /// `dispatch/observed_batch.rs` call listeners without this.
    #[inline]
    pub(crate) fn invoke(&self, seen: &dyn Event) -> Result<(), BoxError> {
        if self.handlers.observe_calls() {
            self.notify_started();
        }
        let _entered = self.span.enter(|| self.attempt());
        self.registration.listener.handle(seen)
    }

    /// As [`invoke`](Call::invoke), for an async listener.
    pub(crate) fn invoke_async(&self, seen: &Arc<dyn Event>) -> Option<ListenerFuture> {
        let listener = self.registration.listener.as_async()?;
        if self.handlers.observe_calls() {
            self.notify_started();
        }
        let _entered = self.span.enter(|| self.attempt());
        Some(listener.handle(Arc::clone(seen)))
    }

    /// Suspends the call until it is resumed.
    pub(crate) fn suspend(mut self) -> SuspendedCall {
        SuspendedCall {
            started: self.started.get(),
            span: mem::take(&mut self.span),
            monitor_key: self.monitored.take().map(|(_, key)| key),
        }
    }

    /// Resumes a suspended call.
    pub(crate) fn resume(mut self, suspended: SuspendedCall) -> Self {
        self.started.set(suspended.started);
        self.span = suspended.span;
        let monitor = self.handlers.slow_listener_monitor.as_ref();
        self.monitored.set(monitor.zip(suspended.monitor_key));
        self
    }

    /// The listener was called then, if observers were notified of that.
    pub(crate) fn set_started(&self, started: Option<Instant>) {
        self.started.set(started);
    }

    /// Another thread started the call so long ago.
    pub(crate) fn set_started_ago(&self, ago: Duration) {
        if self.handlers.observers.want(Interest::LISTENERS) {
            self.started.set(clock::now().checked_sub(ago));
        }
    }

    #[cold]
    fn notify_started(&self) {
        let observers = &self.handlers.observers;
        if observers.want(Interest::LISTENERS) {
            let listener = self.registration.listener_ref();
            let started = ListenerStarted::new(self.topic, self.event, listener, self.attempt);
            observers.notify_of(Interest::LISTENERS, |observer| {
                observer.listener_started(&started);
            });
            self.started.set(Some(clock::now()));
        }
        if let Some(monitored) = self.monitor() {
            self.monitored.set(Some(monitored));
        }
    }

    fn attempt(&self) -> ListenerAttempt<'_> {
        let number = self.attempt;
        let is_last = |retry: &Retry| retry.delay(number).is_none();
        ListenerAttempt {
            topic: self.topic,
            event: self.event,
            listener: self.registration.listener_ref(),
            number,
            is_last: self.registration.retry().is_none_or(is_last),
        }
    }

    /// Monitors the call, if there is a threshold for how long it should run.
    fn monitor(&self) -> Option<(&'a SlowListenerMonitor, MonitorKey)> {
        let threshold = self
            .registration
            .slow_after()
            .or(self.handlers.slow_after)?;
        let monitor = self.handlers.slow_listener_monitor.as_ref()?;
        let started = monitor.now();
        let key = monitor.start(MonitoredCall {
            registration: Arc::clone(self.registration),
            topic: TopicText::new(self.topic),
            attempt: self.attempt,
            threshold,
            observers: self.handlers.observers.clone(),
            handler: self.handlers.slow_listener.clone().map(Contained::new),
            started,
            due: started.checked_add(threshold)?,
        });
        Some((monitor, key))
    }

    /// Notifies observers of the outcome. To be called right after the listener was called, if it was.
    #[inline]
    pub(crate) fn ended(&self, outcome: ListenerEnd<'_>) {
        self.span.ended(|| self.attempt(), outcome);
        let interest = match outcome {
            ListenerEnd::Succeeded => Interest::LISTENERS,
            _ => Interest::LISTENERS | Interest::FAILURES,
        };
        if self.handlers.observe_calls() || self.handlers.observers.want(interest) {
            self.notify_ended(outcome, interest);
        }
    }

    #[cold]
    fn notify_ended(&self, outcome: ListenerEnd<'_>, interest: Interest) {
        let started = self.started.get();
        let run_time = started.map(|started| clock::now().saturating_duration_since(started));
        self.end_monitoring();
        let listener = self.registration.listener_ref();
        let (topic, event, attempt) = (self.topic, self.event, self.attempt);
        let ended = ListenerEnded::new(topic, event, listener, attempt, outcome, run_time);
        let observers = &self.handlers.observers;
        observers.notify_of(interest, |observer| observer.listener_ended(&ended));
    }

    #[inline]
    fn end_monitoring(&self) {
        if let Some((monitor, key)) = self.monitored.get() {
            self.monitored.set(None);
            monitor.end(key);
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.end_monitoring();
    }
}

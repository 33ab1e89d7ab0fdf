//! Changing who observes a live `EventPool`.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::{Observer, Observers, SlowListener};

use crate::handle::EventPool;

/// # Observers
impl EventPool {
    /// Adds somebody who is told of what happens. See [`Builder::observer`](crate::Builder::observer). Holds for emissions that
    /// begin afterwards.
    pub fn add_observer(&self, observer: impl Observer + 'static) {
        let observer = Arc::new(observer);
        self.inner
            .emitter
            .update(|settings| settings.handlers.observers.add(observer));
    }

    /// Takes all observers off. Emissions that have begun still tell them.
    pub fn remove_observers(&self) {
        self.inner
            .emitter
            .update(|settings| settings.handlers.observers = Observers::none());
    }

    /// See [`Builder::slow_listeners`](crate::Builder::slow_listeners). Holds for emissions that begin afterwards.
    pub fn set_slow_listeners(&self, threshold: Duration) {
        self.inner
            .emitter
            .update(|settings| settings.handlers.slow_after = Some(threshold));
    }

    /// See [`Builder::slow_listener_handler`](crate::Builder::slow_listener_handler). Holds for emissions that begin afterwards.
    pub fn set_slow_listener_handler(
        &self,
        handler: impl Fn(&SlowListener<'_>) + Send + Sync + 'static,
    ) {
        let handler = Arc::new(handler);
        self.inner
            .emitter
            .update(|settings| settings.handlers.slow_listener = Some(handler));
    }
}

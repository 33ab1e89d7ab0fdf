//! Changing who observes a live `EventPool`.

use std::sync::Arc;
use std::time::Duration;

use soiree_core::{Observer, Observers, SlowListener};

use crate::handle::EventPool;

/// # Observers
/// A change holds for emissions that start afterwards.
impl EventPool {
    /// Adds an observer. See [`Builder::observer`](crate::Builder::observer).
    pub fn add_observer(&self, observer: impl Observer + 'static) {
        // Not with the settings locked: it is asked for its interest.
        let mut added = Observers::none();
        added.add(Arc::new(observer));
        self.inner
            .emitter
            .update(|settings| settings.handlers.observers.append(&added));
    }

    /// Removes all observers, metrics included. Emissions that have already started still notify them.
    pub fn remove_observers(&self) {
        self.inner
            .emitter
            .update(|settings| settings.handlers.observers = Observers::none());
    }

    /// Changes how many listeners of one pattern are reported. See [`Builder::many_listeners`](crate::Builder::many_listeners).
    pub fn set_many_listeners(&self, threshold: usize) {
        self.inner
            .emitter
            .update(|settings| settings.many_listeners = threshold);
    }

    /// Changes after which time a listener is slow. See [`Builder::slow_listeners`](crate::Builder::slow_listeners).
    pub fn set_slow_listeners(&self, threshold: Duration) {
        self.inner
            .emitter
            .update(|settings| settings.handlers.slow_after = Some(threshold));
    }

    /// Replaces the handler of slow listeners. See [`Builder::slow_listener_handler`](crate::Builder::slow_listener_handler).
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

//! Changing who observes a live `EventPool`.

use std::sync::Arc;

use soiree_core::{Observer, Observers};

use crate::event_pool::EventPool;

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
}

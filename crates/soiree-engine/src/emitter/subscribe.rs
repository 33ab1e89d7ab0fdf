//! Subscribing and removing listeners.

use std::sync::Arc;

use soiree_core::registry::{Registration, RegistrationKey};
use soiree_core::{
    Listener, ListenerId, ListenerOptions, Pattern, SubscribeError, UnsubscribeError,
};

use super::emit::Emitter;

impl Emitter {
    /// Subscribes a listener.
    ///
    /// # Errors
    /// As [`Registry::add`](soiree_core::Registry::add), and if the options name a pool that does not exist, or one that does not suit
    /// the listener. Also if the listener is durable.
    pub fn subscribe(
        &self,
        pattern: &Pattern,
        id: ListenerId,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<RegistrationKey, SubscribeError> {
        let registration = Registration::new(pattern, id, options, listener)?;
        if let Some(name) = registration.durable_name() {
            let name = Arc::clone(name);
            return Err(SubscribeError::NotDurable { name });
        }
        self.check(&registration)?;
        let limit = registration.max_concurrent();
        let is_ordered = limit.is_some_and(|limit| limit.is_ordered());
        if is_ordered && !self.current().settings.has_ordered_listeners {
            self.update(|settings| settings.has_ordered_listeners = true);
        }
        let key = self.registry().register(pattern, registration)?;
        let current = self.current();
        let crowded = &self.crowded_patterns;
        crowded.check(self.registry(), &current.settings, pattern);
        Ok(key)
    }

    /// Removes a listener. Its retries that wait end: the error of the attempt before is final, and the event a dead letter.
    ///
    /// # Errors
    /// As [`Registry::remove`](soiree_core::Registry::remove).
    pub fn unsubscribe(&self, pattern: &Pattern, id: &ListenerId) -> Result<(), UnsubscribeError> {
        self.registry().remove(pattern, id)?;
        self.shared.retries.end_unsubscribed();
        Ok(())
    }

    /// Removes the listeners of exactly these registrations, as [`unsubscribe`](Emitter::unsubscribe) does, if they are still there.
    pub fn unsubscribe_keys(&self, keys: &[RegistrationKey]) {
        for key in keys {
            self.registry().remove_key(key);
        }
        self.shared.retries.end_unsubscribed();
    }

    /// Whether the settings allow what the listener asks for.
    pub(super) fn check(&self, registration: &Registration) -> Result<(), SubscribeError> {
        let current = self.current();
        let settings = &current.settings;
        if let Some(name) = registration.pool() {
            let pool = settings.pool(name);
            let pool = pool.map_err(SubscribeError::UnknownPool)?;
            if registration.is_async() && !pool.polls_futures() {
                let pool = Arc::clone(name);
                return Err(SubscribeError::PollsNoFutures { pool });
            }
            if registration.requires_place() && !pool.reserves_places() {
                let pool = Arc::clone(name);
                return Err(SubscribeError::ReservesNoPlaces { pool });
            }
        }
        let retry = registration.retry();
        let attempts = retry.map_or(1, |retry| retry.attempts());
        if attempts > 1 && settings.retry_capacity == 0 {
            return Err(SubscribeError::NoRetryCapacity { attempts });
        }
        let is_timed = retry.is_some() || registration.timeout().is_some();
        if is_timed && settings.timer.is_none() {
            return Err(SubscribeError::NoTimer);
        }
        let monitor = &settings.handlers.slow_listener_monitor;
        if registration.slow_after().is_some() && monitor.is_none() {
            return Err(SubscribeError::NoSlowListenerMonitor);
        }
        Ok(())
    }
}

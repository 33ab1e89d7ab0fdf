//! Subscriptions that end themselves, one by one or as a group.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soiree_core::{
    Event, IntoListenerResult, InvalidTopic, Listener, ListenerId, ListenerInfo, ListenerOptions,
    Pattern, Payload, SubscribeError, UnsubscribeError, validate_topic,
};
use soiree_engine::{Emission, EmitError, Graph, Report, Soiree};

use crate::handle::{EventPool, WeakEventPool};

/// Takes its listener off when it is dropped. Made by [`EventPool::guard`].
///
/// It does not keep the `EventPool` alive. As with [`off`](EventPool::off), an emission that runs may call the listener once
/// more.
#[must_use = "the listener is taken off when this is dropped"]
pub struct Subscription {
    soiree: WeakEventPool,
    pattern: Box<str>,
    id: ListenerId,
}

/// A group of listeners that are taken off together, at the latest when it is dropped. Made by [`EventPool::group`].
///
/// It is a [`Soiree`] itself: whatever subscribes through it belongs to the group, typed topics and integrations as well;
/// what is emitted through it reaches all listeners. It does not keep the `EventPool` alive.
#[must_use = "the listeners are taken off when this is dropped"]
pub struct Subscriptions {
    soiree: WeakEventPool,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    all: Vec<(Pattern, ListenerId)>,
    /// How many were left by the last sweep.
    swept: usize,
}

/// # Guards and groups
impl EventPool {
    /// Takes the listener off when the guard is dropped. The pattern has to be the one that it was subscribed to; with another one
    /// nothing is taken off. A [`group`](EventPool::group) subscribes by itself, and needs no pattern twice.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// {
    ///     let id = soiree.on("user.*", |event| println!("{}", event.topic()))?;
    ///     let _guard = soiree.guard("user.*", id);
    ///     assert_eq!(soiree.emit_sync("user.created", 1)?.delivered, 1);
    /// }
    /// assert_eq!(soiree.emit_sync("user.created", 2)?.delivered, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard(&self, pattern: &str, id: ListenerId) -> Subscription {
        Subscription {
            soiree: self.downgrade(),
            pattern: pattern.into(),
            id,
        }
    }

    /// An empty group, for listeners that are to be taken off together.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let group = soiree.group();
    /// group.on("user.created", |_| println!("created"))?;
    /// group.on("user.deleted", |_| println!("deleted"))?;
    /// assert_eq!(soiree.len(), 2);
    /// drop(group);
    /// assert_eq!(soiree.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn group(&self) -> Subscriptions {
        Subscriptions {
            soiree: self.downgrade(),
            members: Mutex::default(),
        }
    }
}

impl Subscription {
    /// The listener's ID.
    pub fn id(&self) -> &ListenerId {
        &self.id
    }

    /// The pattern that it is subscribed to.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Keeps the listener; it can still be taken off by its ID.
    pub fn forget(mut self) -> ListenerId {
        self.soiree = WeakEventPool::dangling();
        self.id.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(soiree) = self.soiree.upgrade() {
            // It may have been taken off already, or have had all its runs.
            let _ = soiree.off(&self.pattern, &self.id);
        }
    }
}

impl Subscriptions {
    /// Subscribes a closure. See [`EventPool::on`].
    ///
    /// # Errors
    /// As [`EventPool::on`].
    #[track_caller]
    pub fn on<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure with options. See [`EventPool::on_with`].
    ///
    /// # Errors
    /// As [`EventPool::on_with`].
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(&dyn Event) -> R + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen(pattern, options, listener)
    }

    /// Subscribes a listener that is a type of its own. See [`EventPool::listen`].
    ///
    /// # Errors
    /// As [`EventPool::listen`].
    #[track_caller]
    pub fn listen(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.subscribe(pattern, options, Arc::new(listener))
    }

    /// How many listeners were subscribed through the group and are still there: neither taken off, nor done with all their
    /// runs, nor gone with the `EventPool`. Takes a look at each of them.
    pub fn len(&self) -> usize {
        let soiree = self.soiree.upgrade();
        let mut members = self.members();
        members.sweep(soiree.as_ref());
        members.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all of them off.
    pub fn clear(&self) {
        let members = std::mem::take(&mut self.members().all);
        let Some(soiree) = self.soiree.upgrade() else {
            return;
        };
        for (pattern, id) in members {
            let _ = soiree.inner.emitter.registry().remove(&pattern, &id);
        }
    }

    /// Keeps the listeners; they can still be taken off by their IDs.
    pub fn forget(self) {
        self.members().all.clear();
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// Forgets listeners that have gone by themselves, so that a group does not grow with all that it ever had.
    fn sweep(&mut self, soiree: Option<&EventPool>) {
        let registry = soiree.map(|soiree| soiree.inner.emitter.registry());
        let is_there = |(pattern, id): &(Pattern, ListenerId)| {
            registry.is_some_and(|registry| registry.contains(pattern, id))
        };
        self.all.retain(is_there);
        self.swept = self.all.len();
    }
}

impl Soiree for Subscriptions {
    fn subscribe(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        let soiree = self.soiree.upgrade().ok_or(SubscribeError::Closed)?;
        let pattern = Pattern::new(pattern)?;
        let id = soiree.add(&pattern, options, listener)?;
        let mut members = self.members();
        // As often as the group doubles, so that each listener is looked at a few times at most.
        if members.all.len() > 2 * members.swept + 16 {
            members.sweep(Some(&soiree));
        }
        members.all.push((pattern, id.clone()));
        drop(members);
        Ok(id)
    }

    fn unsubscribe(&self, pattern: &str, id: &ListenerId) -> Result<(), UnsubscribeError> {
        let is_other = |(p, i): &(Pattern, ListenerId)| p.as_str() != pattern || i != id;
        self.members().all.retain(is_other);
        match self.soiree.upgrade() {
            Some(soiree) => soiree.unsubscribe(pattern, id),
            // With the `EventPool`, its listeners are gone.
            None => Ok(()),
        }
    }

    fn publish(&self, topic: &str, payload: Payload) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish(topic, payload),
            None => Err(gone(topic, payload)),
        }
    }

    fn publish_sync(&self, topic: &str, payload: Payload) -> Result<Report, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish_sync(topic, payload),
            None => Err(gone(topic, payload)),
        }
    }

    fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.publish_event(event),
            None => Err(gone(event.topic(), event.payload())),
        }
    }

    fn has_listeners(&self, topic: &str) -> Result<bool, InvalidTopic> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.has_listeners(topic),
            None => validate_topic(topic).map(|()| false),
        }
    }

    fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        match self.soiree.upgrade() {
            Some(soiree) => soiree.listeners_for(topic),
            None => validate_topic(topic).map(|()| Vec::new()),
        }
    }

    fn graph(&self) -> Graph {
        let soiree = self.soiree.upgrade();
        soiree.map(|soiree| soiree.graph()).unwrap_or_default()
    }
}

fn gone(topic: &str, payload: Payload) -> EmitError {
    EmitError::Closed {
        topic: topic.into(),
        payload,
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("pattern", &self.pattern)
            .field("id", &self.id)
            .finish()
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T3: listeners that have gone by themselves leave nothing behind in a group that lives on.
    #[test]
    fn a_group_keeps_no_more_than_twice_what_is_there() {
        let soiree = EventPool::with_pool(soiree_testkit::ManualPool::new());
        let group = soiree.group();
        for _ in 0..10 {
            group.on("a.c", |_| {}).unwrap();
        }
        for _ in 0..1_000 {
            let once = ListenerOptions::new().once();
            group.on_with("a.b", once, |_| {}).unwrap();
            soiree.emit_sync("a.b", ()).unwrap();
            assert!(group.members().all.len() <= 2 * 10 + 17);
        }
        assert_eq!(group.len(), 10);
    }
}

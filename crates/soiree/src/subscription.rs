//! Subscriptions that end when they are dropped, one by one or as a group.

use std::fmt;
use std::panic::Location;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soiree_core::registry::RegistrationKey;
use soiree_core::{
    Event, IntoListenerResult, Listener, ListenerFn, ListenerId, ListenerOptions, Mut, Pattern,
    SubscribeError,
};
use soiree_engine::Soiree;

use crate::handle::{EventPool, WeakEventPool};

/// A guard: dropping it removes its listener. Returned by [`EventPool::guard`].
///
/// Does not keep the `EventPool` alive. As with [`off`](EventPool::off), an emission that already runs may still call the
/// listener, and there is no further retry, not even of its last run.
#[must_use = "the listener is removed when this is dropped"]
pub struct Subscription {
    soiree: WeakEventPool,
    pattern: Box<str>,
    id: ListenerId,
    /// `None` if there was no such listener.
    key: Option<RegistrationKey>,
}

/// A group of listeners: dropping it removes them all. Returned by [`EventPool::group`].
///
/// A group is a [`Soiree`]: pass it to [typed topics](crate::TypedTopic) and integrations, and the listeners that they subscribe
/// belong to the group. Events emitted through it reach all listeners of the `EventPool`. A group does not keep the `EventPool`
/// alive.
#[must_use = "the listeners are removed when this is dropped"]
pub struct Subscriptions {
    pub(crate) soiree: WeakEventPool,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    all: Vec<RegistrationKey>,
    /// How many the last sweep left.
    swept: usize,
}

/// # Guards and groups
impl EventPool {
    /// Makes a guard that removes the listener when it is dropped. `pattern` must be the pattern that the listener is subscribed
    /// to: with another one, the guard removes nothing. A [`group`](EventPool::group) does not need the pattern a second time.
    ///
    /// The guard removes the listener that has the ID now, and no other one that gets the same ID later.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// {
    ///     let id = soiree.on("user.*", |event| println!("{}", event.topic()))?;
    ///     let _guard = soiree.guard("user.*", id);
    ///     assert_eq!(soiree.emit_sync("user.created", 1)?.delivered(), 1);
    /// }
    /// assert_eq!(soiree.emit_sync("user.created", 2)?.delivered(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guard(&self, pattern: &str, id: ListenerId) -> Subscription {
        Subscription {
            soiree: self.downgrade(),
            pattern: pattern.into(),
            key: self.key_of(pattern, &id),
            id,
        }
    }

    fn key_of(&self, pattern: &str, id: &ListenerId) -> Option<RegistrationKey> {
        let registry = self.inner.emitter.registry();
        registry.key_of(&Pattern::new(pattern).ok()?, id)
    }

    /// Makes an empty group, for listeners that are removed together.
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
    /// Returns the listener's ID.
    pub fn id(&self) -> &ListenerId {
        &self.id
    }

    /// Returns the pattern that the listener is subscribed to.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Ends the guard without removing the listener. [`EventPool::off`] can still remove it.
    pub fn forget(mut self) -> ListenerId {
        self.key = None;
        self.id.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let (Some(soiree), Some(key)) = (self.soiree.upgrade(), &self.key) {
            soiree.inner.emitter.unsubscribe_keys(slice::from_ref(key));
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
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure with [`ListenerOptions`]. See [`EventPool::on_with`].
    ///
    /// # Errors
    /// As [`EventPool::on_with`].
    #[track_caller]
    pub fn on_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl ListenerFn<R>,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, options, listener)
    }

    /// Subscribes a closure that may change what it has captured. See [`EventPool::on_mut`].
    ///
    /// # Errors
    /// As [`EventPool::on_mut`].
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// let group = soiree.group();
    /// let mut count = 0;
    /// group.on_mut("order.*", move |_| {
    ///     count += 1;
    ///     println!("{count} orders");
    /// })?;
    /// # assert_eq!(soiree.emit_sync("order.paid", ())?.delivered(), 1);
    /// # drop(group);
    /// # assert!(soiree.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn on_mut<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.on_mut_with(pattern, ListenerOptions::new(), listener)
    }

    /// As [`on_mut`](Subscriptions::on_mut), with [`ListenerOptions`]. See [`EventPool::on_mut_with`].
    ///
    /// # Errors
    /// As [`EventPool::on_mut_with`].
    #[track_caller]
    pub fn on_mut_with<R: IntoListenerResult + 'static>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl FnMut(&dyn Event) -> R + Send + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().max_concurrent(1);
        self.listen_with(pattern, options, Mut::new(listener))
    }

    /// Subscribes a type that implements [`Listener`]. See [`EventPool::listen`].
    ///
    /// # Errors
    /// As [`EventPool::listen`].
    #[track_caller]
    pub fn listen(
        &self,
        pattern: &str,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        self.listen_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a type that implements [`Listener`], with [`ListenerOptions`]. See [`EventPool::listen_with`].
    ///
    /// # Errors
    /// As [`EventPool::listen_with`].
    #[track_caller]
    pub fn listen_with(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Listener + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let options = options.into().registered_at(Location::caller());
        self.subscribe(pattern, options, Arc::new(listener))
    }

    /// Returns how many listeners of the group are still subscribed. Takes time proportional to the size of the group.
    ///
    /// Listeners do not count once they are removed or have no runs left, or once the `EventPool` is gone.
    pub fn len(&self) -> usize {
        let mut members = self.members();
        members.sweep();
        let keys = members.all.clone();
        drop(members);
        self.soiree.upgrade().map_or(0, |soiree| {
            let registry = soiree.inner.emitter.registry();
            keys.iter().filter(|key| registry.contains_key(key)).count()
        })
    }

    /// Returns `true` if no listener of the group is still subscribed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all listeners of the group. The group can be used again.
    pub fn clear(&self) {
        let members = std::mem::take(&mut self.members().all);
        let Some(soiree) = self.soiree.upgrade() else {
            return;
        };
        soiree.inner.emitter.unsubscribe_keys(&members);
    }

    /// Ends the group without removing its listeners. [`EventPool::off`] can still remove each of them.
    pub fn forget(self) {
        self.members().all.clear();
    }

    /// The listener of this registration belongs to the group from now on.
    pub(crate) fn add(&self, key: RegistrationKey) {
        let mut members = self.members();
        // Only when the group has doubled: the cost per listener stays constant.
        if members.all.len() > 2 * members.swept + 16 {
            members.sweep();
        }
        members.all.push(key);
    }

    /// A listener no longer belongs to the group.
    pub(crate) fn forget_one(&self, pattern: &Pattern, id: &ListenerId) {
        self.members().all.retain(|key| !key.is_of(pattern, id));
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// Forgets listeners that no emission will call any more. Otherwise a group would grow with every listener that it ever had.
    fn sweep(&mut self) {
        self.all.retain(RegistrationKey::is_alive);
        self.swept = self.all.len();
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

    /// T3: a listener without runs left leaves nothing behind in its group.
    #[test]
    fn a_group_remembers_at_most_twice_as_many_listeners_as_it_has() {
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

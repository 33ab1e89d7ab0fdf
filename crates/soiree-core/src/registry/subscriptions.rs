//! The registry: its current snapshot, and the writers that publish the next one.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use hashbrown::hash_table::{Entry as Slot, HashTable};

use super::publish::{PublishHook, Retired};
use super::registration::Registration;
use super::snapshot::Snapshot;
use crate::error::{SubscribeError, UnsubscribeError};
use crate::listener::{Listener, ListenerId};
use crate::observe::{Observers, RemovalCause, SubscriptionAdded, SubscriptionRemoved};
use crate::options::ListenerOptions;
use crate::panic::contained;
use crate::topic::Pattern;

/// The subscriptions: patterns and their listeners.
///
/// Whoever emits reads a snapshot and takes no lock. Whoever subscribes publishes a new one, which shares all but a few
/// nodes with the last. No user code runs while the writers' lock is held, dropping a listener included.
pub struct Registry {
    pub(super) current: ArcSwap<Snapshot>,
    pub(super) control: Mutex<Control>,
    pub(super) hasher: RandomState,
    observers: ArcSwap<Observers>,
    hook: OnceLock<Weak<dyn PublishHook>>,
}

/// What writers know beside the snapshot.
pub(super) struct Control {
    next_seq: u64,
    pub(super) by_id: HashTable<Arc<Registration>>,
    closed: bool,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        let hasher = RandomState::default();
        Self {
            current: ArcSwap::from_pointee(Snapshot::empty(hasher.clone())),
            control: Mutex::new(Control {
                next_seq: 0,
                by_id: HashTable::new(),
                closed: false,
            }),
            hasher,
            observers: ArcSwap::default(),
            hook: OnceLock::new(),
        }
    }

    /// Has subscriptions that are added and removed from now on told to these.
    pub fn observe(&self, observers: Observers) {
        self.observers.store(Arc::new(observers));
    }

    /// Subscribes a listener.
    ///
    /// # Errors
    /// If the pattern has a listener of that ID, or the registry is closed.
    pub fn add(
        &self,
        pattern: &Pattern,
        id: ListenerId,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<(), SubscribeError> {
        self.register(pattern, Registration::new(pattern, id, options, listener)?)
    }

    /// Subscribes a listener that was made before.
    ///
    /// # Errors
    /// As [`add`](Registry::add).
    pub fn register(&self, pattern: &Pattern, entry: Registration) -> Result<(), SubscribeError> {
        let hook = self.hook();
        let mut guard = self.lock();
        let control = &mut *guard;
        if control.closed {
            return Err(SubscribeError::Closed);
        }
        let hash = self.id_hash(pattern.as_str(), &entry.id);
        let slot = control.by_id.entry(
            hash,
            |other| other.pattern == entry.pattern && other.id == entry.id,
            |entry| self.id_hash(&entry.pattern, &entry.id),
        );
        let Slot::Vacant(vacant) = slot else {
            return Err(SubscribeError::DuplicateListener {
                pattern: pattern.clone(),
                id: entry.id,
            });
        };
        let entry = entry.registered(control.next_seq);
        control.next_seq += 1;
        vacant.insert(Arc::clone(&entry));
        let next = self.current.load().with(&entry, true);
        let retired = self.publish(next, hook);
        drop(guard);
        retired.retire();
        let listener = entry.listener_ref();
        let added = SubscriptionAdded { listener };
        let observers = self.observers.load();
        observers.notify(|observer| observer.subscription_added(&added));
        Ok(())
    }

    /// Takes a listener off. An emission that runs may still call it once.
    ///
    /// # Errors
    /// If the pattern has no listener of that ID.
    pub fn remove(&self, pattern: &Pattern, id: &ListenerId) -> Result<(), UnsubscribeError> {
        let found =
            |entry: &Arc<Registration>| entry.pattern == *pattern.shared() && entry.id == *id;
        if self.remove_matching(pattern.as_str(), id, RemovalCause::Unsubscribed, found) {
            return Ok(());
        }
        let pattern = pattern.clone();
        Err(if self.current.load().group(&pattern).is_none() {
            UnsubscribeError::TopicNotFound { pattern }
        } else {
            UnsubscribeError::ListenerNotFound {
                pattern,
                id: id.clone(),
            }
        })
    }

    /// Takes off a listener whose runs are used up, and no other that may have its ID by now.
    pub fn remove_exhausted(&self, spent: &Arc<Registration>) {
        let found = |entry: &Arc<Registration>| Arc::ptr_eq(entry, spent);
        self.remove_matching(&spent.pattern, &spent.id, RemovalCause::Exhausted, found);
    }

    fn remove_matching(
        &self,
        pattern: &str,
        id: &ListenerId,
        cause: RemovalCause,
        found: impl FnMut(&Arc<Registration>) -> bool,
    ) -> bool {
        let hook = self.hook();
        let mut control = self.lock();
        let Ok(slot) = control.by_id.find_entry(self.id_hash(pattern, id), found) else {
            return false;
        };
        let (entry, _) = slot.remove();
        if control.by_id.len() * 4 < control.by_id.capacity() {
            control
                .by_id
                .shrink_to(0, |entry| self.id_hash(&entry.pattern, &entry.id));
        }
        let next = self.current.load().with(&entry, false);
        let retired = self.publish(next, hook);
        drop(control);
        // Before anybody is told, who may close the emitter: a scene that is held on to would keep it waiting.
        retired.retire();
        self.notify_removed(&entry, cause);
        contained(move || drop(entry));
        true
    }

    fn notify_removed(&self, entry: &Registration, cause: RemovalCause) {
        let listener = entry.listener_ref();
        let removed = SubscriptionRemoved { listener, cause };
        let observers = self.observers.load();
        observers.notify(|observer| observer.subscription_removed(&removed));
    }

    /// Takes off every listener and refuses new ones.
    pub fn close(&self) {
        let hook = self.hook();
        let mut control = self.lock();
        control.closed = true;
        let entries = std::mem::take(&mut control.by_id);
        let retired = self.publish(Snapshot::empty(self.hasher.clone()), hook);
        drop(control);
        retired.retire();
        for entry in entries {
            self.notify_removed(&entry, RemovalCause::Closed);
            contained(move || drop(entry));
        }
    }

    /// How many listeners there are.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether there is no listener.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has every snapshot from the next one on given to this one as well.
    pub fn set_publish_hook(&self, hook: Weak<dyn PublishHook>) {
        let _ = self.hook.set(hook);
    }

    pub(super) fn hook(&self) -> Option<Arc<dyn PublishHook>> {
        self.hook.get()?.upgrade()
    }

    /// To be called with the writers' lock held.
    pub(super) fn publish(&self, next: Snapshot, hook: Option<Arc<dyn PublishHook>>) -> Retired {
        let next = Arc::new(next);
        let follow = |hook: Arc<dyn PublishHook>| {
            let replaced = hook.publish(Arc::clone(&next));
            (hook, replaced)
        };
        let hooked = hook.map(follow);
        Retired::new(self.current.swap(next), hooked)
    }

    pub(super) fn id_hash(&self, pattern: &str, id: &ListenerId) -> u64 {
        self.hasher.hash_one((pattern, id.as_str()))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("listeners", &self.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T3: the list of IDs shrinks as they go, and not each time one goes.
    #[test]
    fn ids_that_are_gone_leave_no_room_behind() {
        let registry = Registry::new();
        let pattern = Pattern::new("a").expect("the pattern is sound");
        let id = |number: u32| ListenerId::new(number.to_string());
        for number in 0..10_000 {
            let listener = Arc::new(|_: &dyn crate::Event| ());
            registry
                .add(&pattern, id(number), ListenerOptions::new(), listener)
                .expect("the ID is new");
        }
        let room = || registry.lock().by_id.capacity();
        let all = room();
        let remove = |number| registry.remove(&pattern, &id(number)).expect("it is there");
        (0..6_000).for_each(remove);
        assert!(room() > all / 2, "4,000 of 10,000 are no reason yet");
        (6_000..9_999).for_each(remove);
        assert!(room() < 16, "room for {} is left", room());
    }
}

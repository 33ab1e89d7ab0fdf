//! The registry, and its writers.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use foldhash::fast::RandomState;
use hashbrown::hash_table::{Entry, HashTable};

use super::publish::{PublishHook, Retired};
use super::registration::{Registration, RegistrationKey};
use super::snapshot::Snapshot;
use crate::error::{SubscribeError, UnsubscribeError};
use crate::listener::{Listener, ListenerId};
use crate::observe::{Observers, RemovalCause, SubscriptionAdded, SubscriptionRemoved};
use crate::options::ListenerOptions;
use crate::panic::contained;
use crate::sync::{Mutex, MutexGuard, ReadMostly};
use crate::topic::Pattern;

/// The subscriptions: patterns, and the listeners of each.
///
/// - An emission reads a [snapshot](Snapshot). It waits for nobody, but for the moment in which a writer exchanges one for the next.
/// - Subscribing and removing take one lock, and publish a new snapshot. It shares all but a few nodes with the one before.
/// - No user code runs while the lock is held. Dropping a listener counts as user code.
///
/// ```
/// use soiree_core::{Event, ListenerId, ListenerOptions, Pattern, Priority, Registry};
/// use std::sync::Arc;
///
/// let registry = Registry::new();
/// let pattern = Pattern::new("user.*")?;
/// for (id, priority) in [("log", Priority::Low), ("mail", Priority::High)] {
///     let listener = Arc::new(|event: &dyn Event| println!("{}", event.topic()));
///     registry.add(&pattern, ListenerId::new(id), ListenerOptions::from(priority), listener)?;
/// }
/// assert_eq!(registry.matching("user.created"), ["mail", "log"].map(ListenerId::new));
/// registry.remove(&pattern, &ListenerId::new("mail"))?;
/// assert_eq!(registry.matching("user.created"), [ListenerId::new("log")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registry {
    pub(super) current: ReadMostly<Snapshot>,
    pub(super) writers: Mutex<WriterState>,
    pub(super) hasher: RandomState,
    /// How many listeners require a place in their own pool. Written with the writers locked.
    requiring_place: AtomicUsize,
    /// Some topics are reserved. Written with the writers locked.
    pub(super) has_reserved: AtomicBool,
    hook: OnceLock<Weak<dyn PublishHook>>,
}

/// What only writers need.
pub(super) struct WriterState {
    next_seq: u64,
    /// All registrations, by pattern and ID.
    pub(super) by_id: HashTable<Arc<Registration>>,
    closed: bool,
    observers: Observers,
}

impl WriterState {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        let hasher = RandomState::default();
        Self {
            current: ReadMostly::new(Arc::new(Snapshot::empty(hasher.clone()))),
            writers: Mutex::new(WriterState {
                next_seq: 0,
                by_id: HashTable::new(),
                closed: false,
                observers: Observers::default(),
            }),
            hasher,
            requiring_place: AtomicUsize::new(0),
            has_reserved: AtomicBool::new(false),
            hook: OnceLock::new(),
        }
    }

    /// Replaces the observers, which are notified of every subscription that is added or removed afterwards. A closed registry keeps
    /// none.
    pub fn observe(&self, observers: Observers) {
        let mut writers = self.lock_writers();
        let unused = match writers.closed {
            true => observers,
            false => std::mem::replace(&mut writers.observers, observers),
        };
        drop(writers);
        contained(move || drop(unused));
    }

    /// Subscribes a listener to a pattern. Blocks while another thread subscribes or unsubscribes.
    ///
    /// # Errors
    /// If the options are invalid, the pattern already has a listener with that ID, or the registry is closed.
    #[doc(alias = "AddListener")]
    pub fn add(
        &self,
        pattern: &Pattern,
        id: ListenerId,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<(), SubscribeError> {
        self.register(pattern, Registration::new(pattern, id, options, listener)?)
            .map(drop)
    }

    /// Subscribes a listener whose options were checked by [`Registration::new`]. `pattern` must be the pattern of `entry`.
    ///
    /// # Errors
    /// If the pattern already has a listener with that ID, or the registry is closed.
    pub fn register(
        &self,
        pattern: &Pattern,
        entry: Registration,
    ) -> Result<RegistrationKey, SubscribeError> {
        let hook = self.hook();
        let mut guard = self.lock_writers();
        let writers = &mut *guard;
        if writers.closed {
            return Err(SubscribeError::Closed);
        }
        let hash = self.id_hash(pattern.as_str(), &entry.id);
        let place = writers.by_id.entry(
            hash,
            |other| other.pattern == entry.pattern && other.id == entry.id,
            |other| self.id_hash(&other.pattern, &other.id),
        );
        let Entry::Vacant(vacant) = place else {
            return Err(SubscribeError::DuplicateListener {
                pattern: pattern.clone(),
                id: entry.id,
            });
        };
        let registration = entry.registered(writers.next_seq);
        writers.next_seq += 1;
        vacant.insert(Arc::clone(&registration));
        self.count_requiring_place(&registration, usize::wrapping_add);
        let next = self.current.get().with(&registration);
        let retired = self.publish(next, hook);
        let observers = writers.observers.clone();
        drop(guard);
        retired.retire();
        let listener = registration.listener_ref();
        let added = SubscriptionAdded { listener };
        observers.notify(|observer| observer.subscription_added(&added));
        contained(move || drop(observers));
        Ok(registration.key())
    }

    /// Removes a listener from a pattern. Blocks while another thread subscribes or unsubscribes.
    ///
    /// An emission that has already read its snapshot may still call the listener once. A listener with a retry gets no further
    /// attempt.
    ///
    /// # Errors
    /// If the pattern has no listener with that ID.
    #[doc(alias = "RemoveListener")]
    pub fn remove(&self, pattern: &Pattern, id: &ListenerId) -> Result<(), UnsubscribeError> {
        let eq = |registration: &Arc<Registration>| registration.has_id(pattern, id);
        if self.remove_if(pattern.as_str(), id, RemovalCause::Unsubscribed, eq) {
            return Ok(());
        }
        let pattern = pattern.clone();
        Err(if self.current.get().listeners_of(&pattern).is_none() {
            UnsubscribeError::TopicNotFound { pattern }
        } else {
            UnsubscribeError::ListenerNotFound {
                pattern,
                id: id.clone(),
            }
        })
    }

    /// Removes the listener of exactly this registration, as [`remove`](Registry::remove) does. Returns whether it was subscribed.
    ///
    /// A listener that had its last run is not subscribed. It gets no further attempt either.
    pub fn remove_key(&self, key: &RegistrationKey) -> bool {
        let Some(registration) = key.registration.upgrade() else {
            return false;
        };
        registration.set_removed();
        let cause = RemovalCause::Unsubscribed;
        self.remove_registration(&registration, cause)
    }

    /// Removes a listener that has no run left. Keeps a listener that was subscribed with the same ID meanwhile.
    pub fn remove_exhausted(&self, exhausted: &Arc<Registration>) {
        self.remove_registration(exhausted, RemovalCause::Exhausted);
    }

    fn remove_registration(&self, removed: &Arc<Registration>, cause: RemovalCause) -> bool {
        let eq = |registration: &Arc<Registration>| Arc::ptr_eq(registration, removed);
        self.remove_if(&removed.pattern, &removed.id, cause, eq)
    }

    /// Removes the registration that `eq` accepts. Returns whether there was one.
    fn remove_if(
        &self,
        pattern: &str,
        id: &ListenerId,
        cause: RemovalCause,
        eq: impl FnMut(&Arc<Registration>) -> bool,
    ) -> bool {
        let hook = self.hook();
        let mut writers = self.lock_writers();
        let Ok(entry) = writers.by_id.find_entry(self.id_hash(pattern, id), eq) else {
            return false;
        };
        let (registration, _) = entry.remove();
        if let RemovalCause::Unsubscribed = cause {
            registration.set_removed();
        }
        if writers.by_id.len() * 4 < writers.by_id.capacity() {
            writers
                .by_id
                .shrink_to(0, |other| self.id_hash(&other.pattern, &other.id));
        }
        self.count_requiring_place(&registration, usize::wrapping_sub);
        let next = self.current.get().without(&registration);
        let retired = self.publish(next, hook);
        let observers = writers.observers.clone();
        drop(writers);
        // Before observers are notified: one of them may close the emitter, which waits until its old snapshots are retired.
        retired.retire();
        notify_removed(&observers, &registration, cause);
        contained(move || drop(observers));
        contained(move || drop(registration));
        true
    }

    /// Removes every listener, and rejects new ones from now on. Then drops the observers.
    pub fn close(&self) {
        let hook = self.hook();
        let mut writers = self.lock_writers();
        writers.closed = true;
        let registrations = std::mem::take(&mut writers.by_id);
        self.requiring_place.store(0, Ordering::Release);
        self.has_reserved.store(false, Ordering::Release);
        let retired = self.publish(Snapshot::empty(self.hasher.clone()), hook);
        let observers = std::mem::take(&mut writers.observers);
        drop(writers);
        retired.retire();
        for registration in registrations {
            notify_removed(&observers, &registration, RemovalCause::Closed);
            contained(move || drop(registration));
        }
        contained(move || drop(observers));
    }

    /// Whether any listener of any topic [requires a place](Registration::requires_place) in its own pool.
    #[inline]
    pub fn has_requiring_place(&self) -> bool {
        self.requiring_place.load(Ordering::Acquire) != 0
    }

    fn count_requiring_place(&self, registration: &Registration, count: fn(usize, usize) -> usize) {
        if registration.requires_place() {
            let before = self.requiring_place.load(Ordering::Relaxed);
            self.requiring_place
                .store(count(before, 1), Ordering::Release);
        }
    }

    /// The number of listeners. Blocks while another thread subscribes or unsubscribes.
    pub fn len(&self) -> usize {
        self.lock_writers().by_id.len()
    }

    /// Whether there are no listeners. Blocks while another thread subscribes or unsubscribes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Passes every snapshot to the hook from the next one on. Only the first call takes effect.
    pub fn set_publish_hook(&self, hook: Weak<dyn PublishHook>) {
        let _ = self.hook.set(hook);
    }

    /// The hook. Get it before the lock, and drop it after: it may be the last handle.
    pub(super) fn hook(&self) -> Option<Arc<dyn PublishHook>> {
        self.hook.get()?.upgrade()
    }

    /// Publishes a snapshot. The caller holds the writers' lock, and retires what this returns after releasing it.
    pub(super) fn publish(&self, next: Snapshot, hook: Option<Arc<dyn PublishHook>>) -> Retired {
        let next = Arc::new(next);
        let call_hook = |hook: Arc<dyn PublishHook>| {
            let replaced = hook.publish(Arc::clone(&next));
            (hook, replaced)
        };
        let hooked = hook.map(call_hook);
        Retired::new(self.current.replace(next), hooked)
    }

    pub(super) fn id_hash(&self, pattern: &str, id: &ListenerId) -> u64 {
        self.hasher.hash_one((pattern, id.as_str()))
    }

    pub(super) fn lock_writers(&self) -> MutexGuard<'_, WriterState> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn notify_removed(observers: &Observers, registration: &Registration, cause: RemovalCause) {
    let listener = registration.listener_ref();
    let removed = SubscriptionRemoved { listener, cause };
    observers.notify(|observer| observer.subscription_removed(&removed));
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

    /// T3: the table of IDs shrinks when most of its IDs are removed, and not at every removal.
    #[test]
    fn the_table_of_ids_shrinks_when_most_listeners_are_removed() {
        let registry = Registry::new();
        let pattern = Pattern::new("a").expect("the pattern is valid");
        let id = |number: u32| ListenerId::new(number.to_string());
        for number in 0..10_000 {
            let listener = Arc::new(|_: &dyn crate::Event| ());
            registry
                .add(&pattern, id(number), ListenerOptions::new(), listener)
                .expect("the ID is new");
        }
        let capacity = || registry.lock_writers().by_id.capacity();
        let full = capacity();
        let remove = |number| {
            registry
                .remove(&pattern, &id(number))
                .expect("the listener is subscribed");
        };
        (0..6_000).for_each(remove);
        assert!(capacity() > full / 2, "4,000 of 10,000 are too many");
        (6_000..9_999).for_each(remove);
        assert!(capacity() < 16, "the capacity is still {}", capacity());
    }
}

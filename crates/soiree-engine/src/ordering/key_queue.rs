//! The queue of one key.

use std::collections::VecDeque;
use std::sync::Arc;

use soiree_core::OrderingKey;

/// A key, and its hash among the queues of one order.
#[derive(Clone)]
pub(crate) struct HashedKey {
    pub(super) key: OrderingKey,
    pub(super) hash: u64,
}

/// Which event of a key is being handled, and which wait behind it.
pub(super) struct KeyQueue<E: ?Sized> {
    key: HashedKey,
    pub(super) head: Arc<E>,
    /// Most keys have no more than a head, and need no memory for more.
    followers: Option<Box<Followers<E>>>,
}

pub(super) struct Followers<E: ?Sized> {
    waiting: VecDeque<Arc<E>>,
    /// They are notified of changes before them.
    watchers: Vec<Watcher<E>>,
}

/// An entry that workers wait for.
struct Watcher<E: ?Sized> {
    entry: Arc<E>,
    /// How many.
    waits: usize,
}

/// A queue has a new head.
pub(super) struct NextHead<E: ?Sized> {
    pub(super) head: Arc<E>,
    pub(super) former: Arc<E>,
    /// To be notified.
    pub(super) notified: Vec<Arc<E>>,
}

impl<E: ?Sized> KeyQueue<E> {
    pub(super) fn new(key: &HashedKey, head: Arc<E>) -> Self {
        Self {
            key: key.clone(),
            head,
            followers: None,
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.key.hash
    }

    pub(super) fn is_of(&self, key: &HashedKey) -> bool {
        self.key.hash == key.hash && self.key.key == key.key
    }

    fn followers(&mut self) -> &mut Followers<E> {
        self.followers.get_or_insert_with(|| {
            Box::new(Followers {
                waiting: VecDeque::new(),
                watchers: Vec::new(),
            })
        })
    }

    pub(super) fn push(&mut self, entry: Arc<E>) {
        self.followers().waiting.push_back(entry);
    }

    /// Replaces the head by the entry behind it, if there is one.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<NextHead<E>> {
        let followers = self.followers.as_mut()?;
        let head = followers.waiting.pop_front()?;
        let watched = followers.position(&head);
        watched.map(|at| followers.watchers.swap_remove(at));
        let mut notified = followers.watchers();
        notified.push(Arc::clone(&head));
        let former = std::mem::replace(&mut self.head, Arc::clone(&head));
        Some(NextHead {
            head,
            former,
            notified,
        })
    }

    /// Removes the entries that wait and for which `is_taken` is true.
    pub(super) fn take_waiting(&mut self, is_taken: impl Fn(&E) -> bool) -> VecDeque<Arc<E>> {
        let Some(followers) = &mut self.followers else {
            return VecDeque::new();
        };
        let waiting = std::mem::take(&mut followers.waiting).into_iter();
        let (taken, kept) = waiting.partition(|entry| is_taken(entry));
        followers.waiting = kept;
        taken
    }

    /// One worker more waits for the entry.
    pub(super) fn watch(&mut self, entry: &Arc<E>) {
        let followers = self.followers();
        match followers.position(entry) {
            Some(at) => followers.watchers[at].waits += 1,
            None => followers.watchers.push(Watcher {
                entry: Arc::clone(entry),
                waits: 1,
            }),
        }
    }

    /// One worker less waits for the entry.
    pub(super) fn unwatch(&mut self, entry: &Arc<E>) {
        let Some(followers) = &mut self.followers else {
            return;
        };
        if let Some(at) = followers.position(entry) {
            followers.watchers[at].waits -= 1;
            if followers.watchers[at].waits == 0 {
                // The caller holds the entry, so this drops no user code under the lock.
                followers.watchers.swap_remove(at);
            }
        }
    }

    pub(super) fn watchers(&self) -> Vec<Arc<E>> {
        let followers = self.followers.as_ref();
        followers.map_or_else(Vec::new, |followers| followers.watchers())
    }
}

impl<E: ?Sized> Followers<E> {
    /// Where the entry is among the watchers.
    fn position(&self, entry: &Arc<E>) -> Option<usize> {
        let mut watchers = self.watchers.iter();
        watchers.position(|watcher| is_same(&watcher.entry, entry))
    }

    fn watchers(&self) -> Vec<Arc<E>> {
        let watchers = self.watchers.iter();
        watchers.map(|watcher| Arc::clone(&watcher.entry)).collect()
    }
}

pub(super) fn is_same<E: ?Sized>(one: &Arc<E>, other: &Arc<E>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

//! The queues of keys: which event of a key is being handled, and which wait behind it.

use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use soiree_core::OrderingKey;
use soiree_core::sync::{AtomicUsize, Mutex, MutexGuard};

use super::key_queue::{HashedKey, KeyQueue, NextHead, is_same};
use super::line::RoomLine;

const SHARDS: usize = 16;

/// The bits of a hash above these choose the shard. A table uses the lowest bits and the highest seven.
const SHARD_SHIFT: u32 = 40;

/// A map with more room than this frees it when it is empty.
const KEPT_CAPACITY: usize = 64;

/// What can stand in a queue: something that can be notified.
pub(crate) trait QueueEntry: Send + Sync {
    /// Something has changed at the head of the queue. Called without a lock.
    fn notify(&self);
}

/// The queues of all keys of an order.
///
/// Locked for a few instructions at a time, and never while user code is called or dropped.
pub(crate) struct KeyQueues<E: ?Sized> {
    hasher: RandomState,
    shards: [Mutex<Shard<E>>; SHARDS],
    waiting: AtomicUsize,
    /// How many may wait, by the last one that looked for room from its place in the line.
    capacity: AtomicUsize,
    /// Emitters that wait for room.
    line: RoomLine,
}

type Shard<E> = HashTable<KeyQueue<E>>;

/// Where an entry was put.
pub(crate) enum Position {
    Head,
    Waiting,
}

/// How long to wait for room.
pub(crate) enum WaitLimit {
    None,
    Until(Instant, Duration),
    Unlimited,
}

/// There was no room.
pub(crate) struct QueueFull {
    /// How long the caller waited for it, if it did.
    pub(crate) waited: Option<Duration>,
}

impl<E: QueueEntry + ?Sized> KeyQueues<E> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            waiting: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            line: RoomLine::default(),
        }
    }

    /// How many keys have an event that is being handled.
    pub(crate) fn keys(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| lock(shard).len()).sum()
    }

    /// How many entries wait behind others, and how many emitters wait for room.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.waiting.load(Ordering::SeqCst), self.line.len())
    }

    /// The key as these queues know it. Hashed once: not again when it leaves its queue.
    pub(crate) fn hashed(&self, key: OrderingKey) -> HashedKey {
        let hash = self.hasher.hash_one(&key);
        HashedKey { key, hash }
    }

    #[inline]
    fn shard(&self, key: &HashedKey) -> MutexGuard<'_, Shard<E>> {
        lock(&self.shards[(key.hash >> SHARD_SHIFT) as usize % SHARDS])
    }

    pub(super) fn line(&self) -> &RoomLine {
        &self.line
    }

    /// Puts an entry at the end of the queue of its key. Calls `limit` only if there is no room.
    pub(crate) fn enter(
        &self,
        key: &HashedKey,
        entry: &Arc<E>,
        capacity: usize,
        limit: impl FnOnce() -> WaitLimit,
    ) -> Result<Position, QueueFull> {
        if let Some(position) = self.try_enter(key, || Arc::clone(entry), capacity, None) {
            return Ok(position);
        }
        match limit() {
            WaitLimit::None => Err(QueueFull { waited: None }),
            WaitLimit::Unlimited => self.wait_for_room(key, entry, capacity, None),
            WaitLimit::Until(deadline, longest) => {
                self.wait_for_room(key, entry, capacity, Some((deadline, longest)))
            }
        }
    }

    /// As [`enter`](Self::enter), without waiting. `number` is the caller's place among those who wait for room, if it has one: it does
    /// not overtake those before it. Those whose key is idle need no room, and overtake only those of other keys.
    pub(crate) fn try_enter(
        &self,
        key: &HashedKey,
        entry: impl FnOnce() -> Arc<E>,
        capacity: usize,
        number: Option<u64>,
    ) -> Option<Position> {
        if self.line.len() == 0 {
            return self.enter_queue(key, entry, capacity);
        }
        let line = self.line.lock();
        if !line.is_first_of_key(number, &key.key) {
            return None;
        }
        if number.is_some() {
            self.capacity.store(capacity, Ordering::SeqCst);
        }
        let room = capacity.saturating_sub(self.waiting.load(Ordering::SeqCst));
        let before = line.count_before(number, room);
        self.enter_queue(key, entry, capacity - before)
    }

    #[inline]
    fn enter_queue(
        &self,
        key: &HashedKey,
        entry: impl FnOnce() -> Arc<E>,
        capacity: usize,
    ) -> Option<Position> {
        let mut shard = self.shard(key);
        let queue = shard.entry(key.hash, |queue| queue.is_of(key), KeyQueue::hash);
        let mut queue = match queue {
            Entry::Occupied(queue) => queue,
            Entry::Vacant(place) => {
                place.insert(KeyQueue::new(key, entry()));
                return Some(Position::Head);
            }
        };
        let room = |waiting| (waiting < capacity).then(|| waiting + 1);
        self.waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, room)
            .ok()?;
        queue.get_mut().push(entry());
        Some(Position::Waiting)
    }

    /// Whether no event of the key is being handled.
    pub(super) fn is_idle(&self, key: &HashedKey) -> bool {
        let shard = self.shard(key);
        shard.find(key.hash, |queue| queue.is_of(key)).is_none()
    }

    /// Wakes those who wait for room and may have it now, and the first one that waits for the key that has become idle.
    pub(super) fn wake_line(&self, idle: Option<&OrderingKey>) {
        if self.line.len() == 0 {
            return;
        }
        let room = self.capacity.load(Ordering::SeqCst);
        let room = room.saturating_sub(self.waiting.load(Ordering::SeqCst));
        let mut line = self.line.lock();
        let mut woken = line.take_first(room);
        woken.extend(idle.and_then(|key| line.take_first_of_key(key)));
        drop(line);
        for wake in woken {
            wake.wake();
        }
    }

    /// Removes the head of a queue. Returns the next head, which the caller has to submit.
    pub(crate) fn leave(&self, key: &HashedKey) -> Option<Arc<E>> {
        let mut shard = self.shard(key);
        let mut queue = shard.find_entry(key.hash, |queue| queue.is_of(key)).ok()?;
        if let Some(next) = queue.get_mut().advance() {
            drop(shard);
            return Some(self.advanced(next));
        }
        let (gone, _) = queue.remove();
        if shard.is_empty() && shard.capacity() > KEPT_CAPACITY {
            *shard = Shard::default();
        }
        drop(shard);
        self.wake_line(Some(&key.key));
        drop(gone);
        None
    }

    /// A queue has a new head. Returns it.
    fn advanced(&self, next: NextHead<E>) -> Arc<E> {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.wake_line(None);
        drop(next.former);
        for entry in next.notified {
            entry.notify();
        }
        next.head
    }

    /// Removes the entries that wait and for which `is_taken` is true. Returns them, for the caller to discard.
    pub(crate) fn take_waiting(&self, is_taken: impl Fn(&E) -> bool) -> Vec<Arc<E>> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            for queue in &mut *lock(shard) {
                taken.extend(queue.take_waiting(&is_taken));
            }
        }
        self.waiting.fetch_sub(taken.len(), Ordering::SeqCst);
        self.wake_line(None);
        taken
    }

    /// The head of the entry's queue, if the entry is not the head itself. With `watch`, the entry is notified of changes until
    /// [`unwatch`](KeyQueues::unwatch) is called as often.
    pub(crate) fn head_before(
        &self,
        key: &HashedKey,
        entry: &Arc<E>,
        watch: bool,
    ) -> Option<Arc<E>> {
        let mut shard = self.shard(key);
        let queue = shard.find_mut(key.hash, |queue| queue.is_of(key))?;
        if is_same(&queue.head, entry) {
            return None;
        }
        if watch {
            queue.watch(entry);
        }
        Some(Arc::clone(&queue.head))
    }

    /// How many entries of a key are notified of changes before them.
    #[cfg(all(test, not(soiree_model)))]
    pub(crate) fn watchers(&self, key: &HashedKey) -> usize {
        let shard = self.shard(key);
        let queue = shard.find(key.hash, |queue| queue.is_of(key));
        queue.map_or(0, |queue| queue.watchers().len())
    }

    /// One worker less waits for the entry. Does nothing once the entry is the head.
    pub(crate) fn unwatch(&self, key: &HashedKey, entry: &Arc<E>) {
        let mut shard = self.shard(key);
        if let Some(queue) = shard.find_mut(key.hash, |queue| queue.is_of(key)) {
            queue.unwatch(entry);
        }
    }

    /// Notifies the watchers of a queue of a change at its head.
    pub(crate) fn notify_watchers(&self, key: &HashedKey) {
        let shard = self.shard(key);
        let queue = shard.find(key.hash, |queue| queue.is_of(key));
        let watchers = queue.map(KeyQueue::watchers);
        drop(shard);
        for entry in watchers.into_iter().flatten() {
            entry.notify();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    /// Counts how often it is notified.
    #[derive(Default)]
    struct CountNotified(AtomicUsize);

    impl QueueEntry for CountNotified {
        fn notify(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn queue_of(count: usize) -> (KeyQueues<CountNotified>, Vec<Arc<CountNotified>>) {
        let queues = KeyQueues::new();
        let entries: Vec<Arc<CountNotified>> = (0..count).map(|_| Arc::default()).collect();
        for entry in &entries {
            let entered =
                queues.enter(&queues.hashed(KEY.into()), entry, count, || WaitLimit::None);
            assert!(entered.is_ok());
        }
        (queues, entries)
    }

    const KEY: u8 = 1;

    fn notified(entries: &[Arc<CountNotified>]) -> Vec<usize> {
        let counts = entries.iter().map(|entry| entry.0.load(Ordering::SeqCst));
        counts.collect()
    }

    /// E3: a worker that waits no longer costs the entries before it nothing.
    #[test]
    fn an_entry_is_notified_only_while_it_is_waited_for() {
        let (queues, entries) = queue_of(100);
        let key = queues.hashed(KEY.into());
        for entry in &entries[1..] {
            assert!(queues.head_before(&key, entry, true).is_some());
            queues.unwatch(&key, entry);
        }
        // Two workers wait for the last one, until one gives up.
        let last = &entries[99];
        assert!(queues.head_before(&key, last, true).is_some());
        assert!(queues.head_before(&key, last, true).is_some());
        queues.unwatch(&key, last);
        for next in &entries[1..] {
            let head = queues.leave(&key).expect("there is a next one");
            assert!(is_same(&head, next));
        }
        let mut expected = vec![1; 100];
        (expected[0], expected[99]) = (0, 99);
        assert_eq!(notified(&entries), expected);
        queues.unwatch(&key, last);
        assert!(queues.leave(&key).is_none());
        queues.unwatch(&key, last);
    }

    /// E3: the next one is notified that it is the head, also if nothing else watches the queue.
    #[test]
    fn the_next_head_is_notified() {
        let (queues, entries) = queue_of(2);
        assert!(queues.leave(&queues.hashed(KEY.into())).is_some());
        assert_eq!(notified(&entries), [0, 1]);
    }

    /// L8, T3: keys that are in use no longer leave no memory behind.
    #[test]
    fn a_shard_without_keys_frees_its_memory() {
        let queues = KeyQueues::<CountNotified>::new();
        for key in 0..10_000 {
            let entry = Arc::default();
            let entered = queues.enter(&queues.hashed(key.into()), &entry, 0, || WaitLimit::None);
            assert!(entered.is_ok());
        }
        for shard in &queues.shards {
            assert!(lock(shard).capacity() > 500);
        }
        for key in 0..10_000 {
            assert!(queues.leave(&queues.hashed(key.into())).is_none());
        }
        for shard in &queues.shards {
            let capacity = lock(shard).capacity();
            assert!(capacity <= KEPT_CAPACITY, "{capacity}");
        }
    }
}

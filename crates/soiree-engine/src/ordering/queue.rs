//! The queues of keys: which event of a key is being handled, and which wait behind it.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::key::OrderingKey;

const SHARDS: usize = 16;

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
    /// Emitters that wait for room.
    blocked: AtomicUsize,
    /// Counts what has left while an emitter was blocked.
    left: Mutex<u64>,
    room: Condvar,
}

type Shard<E> = HashMap<OrderingKey, KeyQueue<E>, RandomState>;

struct KeyQueue<E: ?Sized> {
    head: Arc<E>,
    waiting: VecDeque<Arc<E>>,
    /// Entries that a worker waits for. They are notified of changes before them.
    watchers: Vec<Arc<E>>,
}

/// Where an entry was put.
pub(crate) enum Position {
    Head,
    Waiting,
}

/// How long to wait for room.
#[derive(Clone, Copy)]
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
            blocked: AtomicUsize::new(0),
            left: Mutex::new(0),
            room: Condvar::new(),
        }
    }

    /// How many keys have an event that is being handled.
    pub(crate) fn keys(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| lock(shard).len()).sum()
    }

    /// How many entries wait behind others.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn shard(&self, key: &OrderingKey) -> MutexGuard<'_, Shard<E>> {
        let hash = self.hasher.hash_one(key) as usize;
        lock(&self.shards[hash % SHARDS])
    }

    /// Puts an entry at the end of the queue of its key. Calls `limit` only if there is no room.
    pub(crate) fn enter(
        &self,
        key: &OrderingKey,
        entry: &Arc<E>,
        capacity: usize,
        limit: impl FnOnce() -> WaitLimit,
    ) -> Result<Position, QueueFull> {
        let attempt = || self.try_enter(key, entry, capacity);
        if let Some(position) = attempt() {
            return Ok(position);
        }
        let limit = limit();
        if let WaitLimit::None = limit {
            return Err(QueueFull { waited: None });
        }
        self.blocked.fetch_add(1, Ordering::SeqCst);
        let entered = self.wait_for_room(attempt, limit);
        self.blocked.fetch_sub(1, Ordering::SeqCst);
        entered
    }

    fn wait_for_room(
        &self,
        attempt: impl Fn() -> Option<Position>,
        limit: WaitLimit,
    ) -> Result<Position, QueueFull> {
        loop {
            let seen = *lock(&self.left);
            if let Some(position) = attempt() {
                return Ok(position);
            }
            let mut left = lock(&self.left);
            while *left == seen {
                left = match limit {
                    WaitLimit::None => return Err(QueueFull { waited: None }),
                    WaitLimit::Unlimited => {
                        self.room.wait(left).unwrap_or_else(PoisonError::into_inner)
                    }
                    WaitLimit::Until(deadline, longest) => {
                        let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                            let waited = Some(longest);
                            return Err(QueueFull { waited });
                        };
                        let waited = self.room.wait_timeout(left, rest);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            }
        }
    }

    fn try_enter(&self, key: &OrderingKey, entry: &Arc<E>, capacity: usize) -> Option<Position> {
        let mut shard = self.shard(key);
        let Some(queue) = shard.get_mut(key) else {
            let queue = KeyQueue {
                head: Arc::clone(entry),
                waiting: VecDeque::new(),
                watchers: Vec::new(),
            };
            shard.insert(key.clone(), queue);
            return Some(Position::Head);
        };
        let room = |waiting| (waiting < capacity).then(|| waiting + 1);
        self.waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, room)
            .ok()?;
        queue.waiting.push_back(Arc::clone(entry));
        Some(Position::Waiting)
    }

    /// Removes the head of a queue. Returns the next head, which the caller has to submit.
    pub(crate) fn leave(&self, key: &OrderingKey) -> Option<Arc<E>> {
        let mut shard = self.shard(key);
        let queue = shard.get_mut(key)?;
        let next = queue.waiting.pop_front();
        let mut notified = Vec::new();
        let gone = match &next {
            Some(next) => {
                queue.watchers.retain(|other| !is_same(other, next));
                notified.clone_from(&queue.watchers);
                notified.push(Arc::clone(next));
                Err(std::mem::replace(&mut queue.head, Arc::clone(next)))
            }
            None => Ok(shard.remove(key)),
        };
        if shard.is_empty() && shard.capacity() > KEPT_CAPACITY {
            *shard = Shard::default();
        }
        drop(shard);
        if next.is_some() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        self.notify_blocked();
        drop(gone);
        for entry in notified {
            entry.notify();
        }
        next
    }

    /// Removes the entries that wait and for which `is_taken` is true. Returns them, for the caller to discard.
    pub(crate) fn take_waiting(&self, is_taken: impl Fn(&E) -> bool) -> Vec<Arc<E>> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            for queue in lock(shard).values_mut() {
                let waiting = std::mem::take(&mut queue.waiting).into_iter();
                let (gone, kept): (VecDeque<_>, VecDeque<_>) =
                    waiting.partition(|entry| is_taken(entry));
                queue.waiting = kept;
                taken.extend(gone);
            }
        }
        self.waiting.fetch_sub(taken.len(), Ordering::SeqCst);
        self.notify_blocked();
        taken
    }

    /// Wakes emitters that wait for room.
    fn notify_blocked(&self) {
        if self.blocked.load(Ordering::SeqCst) > 0 {
            *lock(&self.left) += 1;
            self.room.notify_all();
        }
    }

    /// The head of the entry's queue, if the entry is not the head itself. With `watch`, the entry is notified of changes from now on.
    pub(crate) fn head_before(
        &self,
        key: &OrderingKey,
        entry: &Arc<E>,
        watch: bool,
    ) -> Option<Arc<E>> {
        let mut shard = self.shard(key);
        let queue = shard.get_mut(key)?;
        if is_same(&queue.head, entry) {
            return None;
        }
        if watch && !queue.watchers.iter().any(|other| is_same(other, entry)) {
            queue.watchers.push(Arc::clone(entry));
        }
        Some(Arc::clone(&queue.head))
    }

    /// Notifies the watchers of a queue of a change at its head.
    pub(crate) fn notify_watchers(&self, key: &OrderingKey) {
        let shard = self.shard(key);
        let queue = shard.get(key);
        let watchers = queue.map(|queue| queue.watchers.clone());
        drop(shard);
        for entry in watchers.unwrap_or_default() {
            entry.notify();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_same<E: ?Sized>(one: &Arc<E>, other: &Arc<E>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

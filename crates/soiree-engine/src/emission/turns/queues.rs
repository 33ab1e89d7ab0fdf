//! The queues of turns: plain data under locks.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use soiree_core::panic::contained;
use soiree_core::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard};

use super::work::TurnWork;
use crate::context::TurnKey;

const SHARDS: usize = 16;

/// A map with more room than this frees it when it is empty.
const KEPT_CAPACITY: usize = 64;

/// The turns of all listeners of an emitter whose calls are limited. A queue exists only while a call has its turn or waits for it.
///
/// Locked for a few instructions at a time, and never while user code is called or dropped.
pub(crate) struct TurnQueues {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    next_id: AtomicU64,
    /// Calls that wait for their turn.
    waiting: AtomicUsize,
    /// A close has given up what waited; nothing waits any more.
    is_closed: AtomicBool,
}

type Shard = HashMap<TurnKey, TurnQueue, RandomState>;

/// The calls of one listener, or of one listener and key, in the order in which they came.
#[derive(Default)]
struct TurnQueue {
    /// Those that have their turn: never more than the limit.
    active: Vec<Place>,
    waiting: VecDeque<Place>,
    /// A worker waits for a call that waits: such calls are notified of changes before them.
    is_watched: bool,
}

/// A place in a queue.
struct Place {
    id: u64,
    /// The call once it is ready, or the emission that has still to reach the listener.
    work: Option<Arc<dyn TurnWork>>,
    /// The call waits for its turn, or has it.
    is_ready: bool,
    is_watched: bool,
}

/// Whether a call that is ready has its turn.
pub(in crate::emission) enum Admission {
    /// It has: the caller goes on with it.
    Now,
    /// It is submitted when its turn comes.
    Later,
    /// It has not, and a close lets nothing wait any more.
    Closed,
}

/// What follows when a call has left its queue. To be done without a lock.
#[derive(Default)]
pub(super) struct Left {
    /// The work of calls whose turn has come.
    pub(super) next: Vec<Arc<dyn TurnWork>>,
    /// Calls that are watched, and wait behind a change.
    pub(super) watched: Vec<Arc<dyn TurnWork>>,
    /// Dropped last: it may be the last handle of an emission.
    gone: Option<Place>,
}

impl TurnQueues {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            next_id: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// How many calls wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn shard(&self, key: &TurnKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key) as usize;
        lock(&self.shards[hash % SHARDS])
    }

    /// Takes the place behind all others of the queue, for an emission if it has still to reach the listener. Returns its number, and
    /// whether it has its turn at once.
    pub(super) fn enter(
        &self,
        key: &TurnKey,
        limit: usize,
        emission: Option<Arc<dyn TurnWork>>,
    ) -> (u64, bool) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            id,
            work: emission,
            is_ready: false,
            is_watched: false,
        };
        let mut shard = self.shard(key);
        let queue = shard.entry(key.clone()).or_default();
        let has_turn = queue.active.len() < limit && queue.waiting.is_empty();
        if has_turn {
            queue.active.push(place);
        } else {
            queue.waiting.push_back(place);
        }
        (id, has_turn)
    }

    /// The call in this place is ready to run. Returns the calls to notify, too, if its turn has come.
    pub(super) fn ready(
        &self,
        key: &TurnKey,
        id: u64,
        work: Arc<dyn TurnWork>,
    ) -> (Admission, Vec<Arc<dyn TurnWork>>) {
        let mut shard = self.shard(key);
        let Some(queue) = shard.get_mut(key) else {
            return (Admission::Now, Vec::new());
        };
        if let Some(place) = queue.active.iter_mut().find(|place| place.id == id) {
            let before = place.ready(work);
            let watched = queue.watched();
            drop(shard);
            drop(before);
            return (Admission::Now, watched);
        }
        // Under the lock: a close that gives up what waits comes either before or after.
        if self.is_closed.load(Ordering::SeqCst) {
            return (Admission::Closed, Vec::new());
        }
        // From the back: mostly it is the last one.
        let place = queue.waiting.iter_mut().rev().find(|place| place.id == id);
        let before = place.and_then(|place| {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            place.ready(work)
        });
        drop(shard);
        drop(before);
        (Admission::Later, Vec::new())
    }

    /// Whether the place has its turn.
    pub(super) fn has_turn(&self, key: &TurnKey, id: u64) -> bool {
        let shard = self.shard(key);
        let queue = shard.get(key);
        queue.is_some_and(|queue| queue.active.iter().any(|place| place.id == id))
    }

    /// The calls that have their turn while the one in this place waits, apart from those whose threads call them where they came. From
    /// now on it is notified of changes before it.
    pub(super) fn watch(&self, key: &TurnKey, id: u64) -> Vec<Arc<dyn TurnWork>> {
        let mut shard = self.shard(key);
        let Some(queue) = shard.get_mut(key) else {
            return Vec::new();
        };
        let Some(place) = queue.waiting.iter_mut().find(|place| place.id == id) else {
            return Vec::new();
        };
        place.is_watched = true;
        queue.is_watched = true;
        let active = queue.active.iter();
        active.filter_map(|place| place.work.clone()).collect()
    }

    /// Gives a place up, and its turn. Returns what follows.
    pub(super) fn leave(&self, key: &TurnKey, id: u64, limit: usize) -> Left {
        let mut left = Left::default();
        let mut shard = self.shard(key);
        let Some(queue) = shard.get_mut(key) else {
            return left;
        };
        let is_it = |place: &Place| place.id == id;
        if let Some(at) = queue.active.iter().position(is_it) {
            left.gone = Some(queue.active.swap_remove(at));
        } else if let Some(at) = queue.waiting.iter().position(is_it) {
            left.gone = queue.waiting.remove(at);
            if left.gone.as_ref().is_some_and(|gone| gone.is_ready) {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        }
        while queue.active.len() < limit {
            let Some(next) = queue.waiting.pop_front() else {
                break;
            };
            if let (true, Some(work)) = (next.is_ready, &next.work) {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                left.next.push(Arc::clone(work));
            }
            queue.active.push(next);
        }
        left.watched = queue.watched();
        if queue.active.is_empty() {
            shard.remove(key);
        }
        if shard.is_empty() && shard.capacity() > KEPT_CAPACITY {
            *shard = Shard::default();
        }
        left
    }

    /// Gives up the calls that wait, and lets none wait later.
    pub(crate) fn give_up(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        for shard in &self.shards {
            let mut given_up = Vec::new();
            for queue in lock(shard).values_mut() {
                // The places stay until the calls have ended.
                let waiting = queue.waiting.iter_mut();
                let waiting = waiting.filter(|place| place.is_ready);
                given_up.extend(waiting.filter_map(|place| {
                    place.is_ready = false;
                    place.work.take()
                }));
            }
            self.waiting.fetch_sub(given_up.len(), Ordering::SeqCst);
            // What one runs into must not keep the others waiting.
            for work in given_up {
                contained(|| work.end_unrun());
            }
        }
    }
}

impl Place {
    /// Its call is ready. Returns what it held before, to be dropped without the lock.
    #[must_use]
    fn ready(&mut self, work: Arc<dyn TurnWork>) -> Option<Arc<dyn TurnWork>> {
        self.is_ready = true;
        self.work.replace(work)
    }
}

impl TurnQueue {
    /// The calls that are notified of changes before them.
    fn watched(&mut self) -> Vec<Arc<dyn TurnWork>> {
        if !self.is_watched {
            return Vec::new();
        }
        self.is_watched = self.waiting.iter().any(|place| place.is_watched);
        let watched = self.waiting.iter().filter(|place| place.is_watched);
        watched.filter_map(|place| place.work.clone()).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(soiree_model)))]
mod tests;

//! Who of a key is on its way, and who waits behind.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::key::OrderingKey;
use crate::emission::Waiter;
use soiree_core::Pool;

const SHARDS: usize = 16;

/// A map that is larger than this gives its memory back when it is empty.
const KEPT: usize = 64;

/// Somebody who has a place in a lane.
pub(crate) trait Member: Send + Sync {
    /// Its turn has come: it goes to its pool, and comes back if that is full.
    fn offer(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<Waiting>;

    /// As [`offer`](Member::offer), but on this thread, which works for the pool.
    fn run_inline(self: Arc<Self>, pool: Option<Arc<dyn Pool>>) -> Option<Waiting>;

    /// Has it wait until its pool has a place.
    fn stall(self: Arc<Self>, pool: Option<Arc<dyn Pool>>);

    /// Ends it unrun.
    fn discard(self: Arc<Self>);

    /// Runs here what could be waiting for this very thread. Whether there was something.
    fn lend(self: Arc<Self>, waiter: &mut Waiter) -> bool;

    /// Whether this thread is in the middle of it.
    fn is_around_here(&self) -> bool;

    /// There is something to look at, for whoever waits for it.
    fn tell(&self);
}

/// A member that is to go to its pool. It keeps the pool alive, also when the emitter is gone.
pub(crate) struct Waiting {
    pub(crate) member: Arc<dyn Member>,
    pub(crate) pool: Option<Arc<dyn Pool>>,
}

/// The lanes of a rule. Locked for a few instructions at a time, and never while anything is called or dropped that is a user's.
pub(crate) struct Lanes {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    waiting: AtomicUsize,
    /// Emits that wait for room.
    blocked: AtomicUsize,
    /// How often something left while somebody was blocked.
    left: Mutex<u64>,
    changed: Condvar,
}

type Shard = HashMap<OrderingKey, Lane, RandomState>;

struct Lane {
    head: Arc<dyn Member>,
    behind: VecDeque<Waiting>,
    /// Members that a worker waits for, which wants to be told of changes before them.
    watchers: Vec<Arc<dyn Member>>,
}

/// Where a member stands.
pub(crate) enum Place {
    /// It is its turn.
    Head,
    Behind,
}

/// Who stands before a member.
pub(crate) enum Ahead {
    Nobody,
    Member(Arc<dyn Member>),
}

/// How long to wait for room.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    None,
    Until(Instant, Duration),
    Endless,
}

/// There was no room for so long.
pub(crate) struct Full {
    pub(crate) waited: Option<Duration>,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: Default::default(),
            waiting: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            left: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    pub(super) fn keys(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| lock(shard).len()).sum()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn shard(&self, key: &OrderingKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key) as usize;
        lock(&self.shards[hash % SHARDS])
    }

    /// Puts a member at the end of its lane. `patience` is asked only where there is no room.
    pub(crate) fn enter(
        &self,
        key: &OrderingKey,
        member: &Arc<dyn Member>,
        pool: Option<&Arc<dyn Pool>>,
        capacity: usize,
        patience: impl FnOnce() -> Patience,
    ) -> Result<Place, Full> {
        let attempt = || self.try_enter(key, member, pool, capacity);
        if let Some(place) = attempt() {
            return Ok(place);
        }
        let patience = patience();
        if let Patience::None = patience {
            return Err(Full { waited: None });
        }
        self.blocked.fetch_add(1, Ordering::SeqCst);
        let entered = self.enter_when_there_is_room(attempt, patience);
        self.blocked.fetch_sub(1, Ordering::SeqCst);
        entered
    }

    fn enter_when_there_is_room(
        &self,
        attempt: impl Fn() -> Option<Place>,
        patience: Patience,
    ) -> Result<Place, Full> {
        loop {
            let seen = *lock(&self.left);
            if let Some(place) = attempt() {
                return Ok(place);
            }
            let mut left = lock(&self.left);
            while *left == seen {
                left = match patience {
                    Patience::None => return Err(Full { waited: None }),
                    Patience::Endless => self
                        .changed
                        .wait(left)
                        .unwrap_or_else(PoisonError::into_inner),
                    Patience::Until(deadline, longest) => {
                        let Some(rest) = deadline.checked_duration_since(Instant::now()) else {
                            let waited = Some(longest);
                            return Err(Full { waited });
                        };
                        let waited = self.changed.wait_timeout(left, rest);
                        waited.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            }
        }
    }

    fn try_enter(
        &self,
        key: &OrderingKey,
        member: &Arc<dyn Member>,
        pool: Option<&Arc<dyn Pool>>,
        capacity: usize,
    ) -> Option<Place> {
        let mut shard = self.shard(key);
        let Some(lane) = shard.get_mut(key) else {
            let lane = Lane {
                head: Arc::clone(member),
                behind: VecDeque::new(),
                watchers: Vec::new(),
            };
            shard.insert(key.clone(), lane);
            return Some(Place::Head);
        };
        let room = |waiting| (waiting < capacity).then(|| waiting + 1);
        self.waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, room)
            .ok()?;
        lane.behind.push_back(Waiting {
            member: Arc::clone(member),
            pool: pool.cloned(),
        });
        Some(Place::Behind)
    }

    /// Takes the head of a lane off. Returns whose turn it is then, for the caller to put on its way.
    pub(crate) fn leave(&self, key: &OrderingKey) -> Option<Waiting> {
        let mut shard = self.shard(key);
        let lane = shard.get_mut(key)?;
        let next = lane.behind.pop_front();
        let mut told = Vec::new();
        let gone = match &next {
            Some(next) => {
                lane.watchers.retain(|other| !is(other, &next.member));
                told.clone_from(&lane.watchers);
                told.push(Arc::clone(&next.member));
                Err(std::mem::replace(&mut lane.head, Arc::clone(&next.member)))
            }
            None => Ok(shard.remove(key)),
        };
        if shard.is_empty() && shard.capacity() > KEPT {
            *shard = Shard::default();
        }
        drop(shard);
        if next.is_some() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        if self.blocked.load(Ordering::SeqCst) > 0 {
            *lock(&self.left) += 1;
            self.changed.notify_all();
        }
        drop(gone);
        for member in told {
            member.tell();
        }
        next
    }

    /// Who is at the head of the member's lane, if not itself. If it watches, it will be told of changes.
    pub(crate) fn ahead(
        &self,
        key: &OrderingKey,
        member: &Arc<dyn Member>,
        watches: bool,
    ) -> Ahead {
        let mut shard = self.shard(key);
        let Some(lane) = shard.get_mut(key) else {
            return Ahead::Nobody;
        };
        if is(&lane.head, member) {
            return Ahead::Nobody;
        }
        if watches && !lane.watchers.iter().any(|other| is(other, member)) {
            lane.watchers.push(Arc::clone(member));
        }
        Ahead::Member(Arc::clone(&lane.head))
    }

    /// Tells those that wait behind of news at the head.
    pub(crate) fn tell_behind(&self, key: &OrderingKey) {
        let shard = self.shard(key);
        let lane = shard.get(key);
        let watchers = lane.map(|lane| lane.watchers.clone());
        drop(shard);
        for member in watchers.unwrap_or_default() {
            member.tell();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is(one: &Arc<dyn Member>, other: &Arc<dyn Member>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

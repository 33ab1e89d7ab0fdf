//! The queues of turns: plain data under locks.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use soiree_core::panic::contained;

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
    /// The call, once it waits for its turn.
    work: Option<Arc<dyn TurnWork>>,
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

    /// Takes the place behind all others of the queue. Returns its number, and whether it has its turn at once.
    pub(super) fn enter(&self, key: &TurnKey, limit: usize) -> (u64, bool) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            id,
            work: None,
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
            place.work = Some(work);
            return (Admission::Now, queue.watched());
        }
        // Under the lock: a close that gives up what waits comes either before or after.
        if self.is_closed.load(Ordering::SeqCst) {
            return (Admission::Closed, Vec::new());
        }
        // From the back: mostly it is the last one.
        let place = queue.waiting.iter_mut().rev().find(|place| place.id == id);
        if let Some(place) = place {
            place.work = Some(work);
            self.waiting.fetch_add(1, Ordering::SeqCst);
        }
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
            if left.gone.as_ref().is_some_and(|gone| gone.work.is_some()) {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        }
        while queue.active.len() < limit {
            let Some(next) = queue.waiting.pop_front() else {
                break;
            };
            if let Some(work) = &next.work {
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
                given_up.extend(waiting.filter_map(|place| place.work.take()));
            }
            self.waiting.fetch_sub(given_up.len(), Ordering::SeqCst);
            // What one runs into must not keep the others waiting.
            for work in given_up {
                contained(|| work.end_unrun());
            }
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use soiree_core::LimitedBy;

    use super::*;
    use crate::emission::helping::PendingWork;

    /// A call that notes what becomes of it.
    #[derive(Default)]
    struct Noted {
        submitted: AtomicUsize,
        ended: AtomicUsize,
    }

    impl TurnWork for Noted {
        fn submit(self: Arc<Self>) {
            self.submitted.fetch_add(1, Ordering::SeqCst);
        }

        fn end_unrun(self: Arc<Self>) {
            self.ended.fetch_add(1, Ordering::SeqCst);
        }

        fn notify(&self) {}

        fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork> {
            unreachable!("nothing waits for it")
        }
    }

    fn key(number: u8) -> TurnKey {
        TurnKey {
            registration: 1,
            by: LimitedBy::Key(number.into()),
        }
    }

    /// What a call in the naive model has done.
    struct Modelled {
        key: u8,
        id: u64,
        noted: Arc<Noted>,
        is_ready: bool,
        /// It has its turn and is ready: once, and not before.
        runs: bool,
    }

    #[derive(Debug, Clone)]
    enum Step {
        Enter(u8),
        Ready(usize),
        Leave(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0..3_u8).prop_map(Step::Enter),
            4 => (0..16_usize).prop_map(Step::Ready),
            3 => (0..16_usize).prop_map(Step::Leave),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        /// W5: whatever calls come, get ready and leave, those have their turn that stand first in one list of all calls of their key,
        /// up to the limit; each is submitted once, when it is ready and has its turn.
        #[test]
        fn the_first_calls_of_each_key_have_their_turn(steps in steps(), limit in 1..4_usize) {
            let queues = TurnQueues::new();
            let mut model: Vec<Modelled> = Vec::new();
            for step in steps {
                match step {
                    Step::Enter(number) => {
                        let (id, has_turn) = queues.enter(&key(number), limit);
                        let before = model.iter().filter(|call| call.key == number).count();
                        prop_assert_eq!(has_turn, before < limit);
                        model.push(Modelled {
                            key: number,
                            id,
                            noted: Arc::default(),
                            is_ready: false,
                            runs: false,
                        });
                    }
                    Step::Ready(at) => {
                        let Some(call) = model.get_mut(at).filter(|call| !call.is_ready) else {
                            continue;
                        };
                        call.is_ready = true;
                        let work = Arc::clone(&call.noted) as Arc<dyn TurnWork>;
                        if let (Admission::Now, _) = queues.ready(&key(call.key), call.id, work) {
                            call.runs = true;
                        }
                    }
                    Step::Leave(at) if at < model.len() => {
                        let call = model.remove(at);
                        for next in queues.leave(&key(call.key), call.id, limit).next {
                            next.submit();
                        }
                    }
                    Step::Leave(_) => {}
                }
                let mut waiting = 0;
                for number in 0..3 {
                    let of_key = model.iter_mut().filter(|call| call.key == number);
                    for (place, call) in of_key.enumerate() {
                        let has_turn = place < limit;
                        prop_assert_eq!(queues.has_turn(&key(number), call.id), has_turn);
                        let submitted = call.noted.submitted.load(Ordering::SeqCst);
                        prop_assert_eq!(submitted + usize::from(call.runs), usize::from(has_turn && call.is_ready));
                        waiting += usize::from(call.is_ready && !has_turn);
                    }
                }
                prop_assert_eq!(queues.waiting(), waiting);
            }
        }
    }

    /// W5, E4: a close gives up the calls that wait, and no other; later ones do not wait.
    #[test]
    fn a_close_gives_up_what_waits() {
        let queues = TurnQueues::new();
        let calls: Vec<Arc<Noted>> = (0..3).map(|_| Arc::default()).collect();
        let ids: Vec<u64> = calls.iter().map(|_| queues.enter(&key(1), 1).0).collect();
        for at in [0, 1] {
            queues.ready(&key(1), ids[at], Arc::clone(&calls[at]) as _);
        }
        assert_eq!(queues.waiting(), 1);
        queues.give_up();
        assert_eq!(queues.waiting(), 0);
        let ended = calls.iter().map(|call| call.ended.load(Ordering::SeqCst));
        assert!(ended.eq([0, 1, 0]));
        let (late, _) = queues.ready(&key(1), ids[2], Arc::clone(&calls[2]) as _);
        assert!(matches!(late, Admission::Closed));
    }

    /// W5, T3: keys without calls leave no memory behind.
    #[test]
    fn keys_without_calls_leave_no_memory() {
        let queues = TurnQueues::new();
        let key = |number: u32| TurnKey {
            registration: 1,
            by: LimitedBy::Key(number.into()),
        };
        let ids: Vec<u64> = (0..10_000)
            .map(|number| queues.enter(&key(number), 1).0)
            .collect();
        let capacities = || queues.shards.iter().map(|shard| lock(shard).capacity());
        assert!(capacities().all(|capacity| capacity > 500));
        for (number, id) in (0..).zip(ids) {
            queues.leave(&key(number), id, 1);
        }
        assert!(capacities().all(|capacity| capacity <= KEPT_CAPACITY));
        assert!(queues.shards.iter().all(|shard| lock(shard).is_empty()));
    }
}

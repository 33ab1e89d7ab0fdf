//! What a pool counts, and how the figures are read without stopping it.

use crossbeam_utils::CachePadded;
use soiree_core::{JobOutcome, PoolStats};

use crate::sync::{Arc, AtomicU64, Mutex, Ordering, TRIES, lock};

/// All counters of a pool. They only ever rise.
pub(crate) struct Counters {
    /// Written with the pool's state locked.
    accepted: AtomicU64,
    rejected: AtomicU64,
    /// Jobs that ended elsewhere than on a worker: run inline, or discarded.
    elsewhere: Tally,
    workers: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    all: Vec<Arc<CachePadded<Tally>>>,
    free: Vec<usize>,
}

/// Counts jobs that leave the queue. Each worker has its own, and is the only one to write it.
#[derive(Default)]
pub(crate) struct Tally {
    begun: AtomicU64,
    successful: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
    discarded: AtomicU64,
}

/// A worker's tally while it lives; the next worker goes on counting in it.
pub(crate) struct Slot<'a> {
    counters: &'a Counters,
    index: usize,
    tally: Arc<CachePadded<Tally>>,
}

/// How a job left the queue for good.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Successful,
    Failed,
    Expired,
    Discarded,
}

impl From<&JobOutcome> for End {
    fn from(outcome: &JobOutcome) -> Self {
        match outcome {
            JobOutcome::Panicked(_) => Self::Failed,
            JobOutcome::Expired => Self::Expired,
            _ => Self::Successful,
        }
    }
}

impl Tally {
    fn of(&self, end: End) -> &AtomicU64 {
        match end {
            End::Successful => &self.successful,
            End::Failed => &self.failed,
            End::Expired => &self.expired,
            End::Discarded => &self.discarded,
        }
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    fn ended(&self) -> Ended {
        Ended {
            successful: self.successful.load(Ordering::SeqCst),
            failed: self.failed.load(Ordering::SeqCst),
            expired: self.expired.load(Ordering::SeqCst),
            discarded: self.discarded.load(Ordering::SeqCst),
        }
    }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Ended {
    successful: u64,
    failed: u64,
    expired: u64,
    discarded: u64,
}

impl Ended {
    fn total(self) -> u64 {
        self.successful + self.failed + self.expired + self.discarded
    }
}

impl Slot<'_> {
    pub(crate) fn begin(&self) {
        rise(&self.tally.begun);
    }

    pub(crate) fn end(&self, end: End) {
        rise(self.tally.of(end));
    }
}

/// Adds one to a counter that no other thread writes.
fn rise(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        lock(&self.counters.workers).free.push(self.index);
    }
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            elsewhere: Tally::default(),
            workers: Mutex::default(),
        }
    }

    pub(crate) fn slot(&self) -> Slot<'_> {
        let mut slots = lock(&self.workers);
        let index = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Arc::default());
            slots.all.len() - 1
        });
        let tally = Arc::clone(&slots.all[index]);
        Slot {
            counters: self,
            index,
            tally,
        }
    }

    /// Only with the pool's state locked.
    pub(crate) fn accept(&self) {
        rise(&self.accepted);
    }

    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// A job begins on a thread that has no slot.
    pub(crate) fn begin_elsewhere(&self) {
        self.elsewhere.begun.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end_elsewhere(&self, end: End) {
        self.elsewhere.of(end).fetch_add(1, Ordering::SeqCst);
    }

    /// The job counters. `capacity` and `threads` bound what can wait and be active while the counters will not hold still.
    pub(crate) fn read(&self, capacity: usize, threads: usize) -> PoolStats {
        let slots = lock(&self.workers);
        let mut stats = PoolStats::default();
        for attempt in 0..TRIES {
            let ended = self.ended(&slots);
            let begun = self.begun(&slots);
            let accepted = self.accepted.load(Ordering::SeqCst);
            let still = self.begun(&slots) == begun && self.ended(&slots) == ended;
            if !still && attempt + 1 < TRIES {
                continue;
            }
            // A job is accepted before it begins, and they are read the other way round.
            let mut waiting = accepted - begun;
            let mut active = begun - ended.total();
            if still {
                // What is queued for a worker that is free is as good as active.
                active += waiting.saturating_sub(capacity as u64);
            } else {
                active = active.min(threads as u64);
            }
            waiting = waiting.min(capacity as u64);
            stats.submitted = ended.total() + waiting + active;
            stats.waiting = waiting as usize;
            stats.active = active as usize;
            stats.successful = ended.successful;
            stats.failed = ended.failed;
            stats.expired = ended.expired;
            stats.discarded = ended.discarded;
            break;
        }
        stats.rejected = self.rejected.load(Ordering::Relaxed);
        stats
    }

    fn begun(&self, slots: &Slots) -> u64 {
        self.elsewhere.begun() + slots.all.iter().map(|tally| tally.begun()).sum::<u64>()
    }

    fn ended(&self, slots: &Slots) -> Ended {
        // No worker discards: what it has begun, it runs.
        let mut sum = self.elsewhere.ended();
        for ended in slots.all.iter().map(|tally| tally.ended()) {
            sum.successful += ended.successful;
            sum.failed += ended.failed;
            sum.expired += ended.expired;
        }
        sum
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    /// P1: as many tallies as workers lived at once, however many there were, and none forgets what it counted.
    #[test]
    fn workers_that_come_and_go_share_tallies() {
        let counters = Counters::new();
        for _ in 0..100 {
            let both = [counters.slot(), counters.slot()];
            for slot in &both {
                counters.accept();
                slot.begin();
                slot.end(End::Successful);
            }
        }
        assert_eq!(lock(&counters.workers).all.len(), 2);
        let stats = counters.read(1, 2);
        assert_eq!((stats.submitted, stats.successful), (200, 200));
    }

    /// P1: figures that never hold still are read all the same, balance, and never fall.
    #[test]
    fn figures_are_read_while_they_change_without_a_pause() {
        const JOBS: u64 = 2_000_000;
        let counters = Counters::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let slot = counters.slot();
                for _ in 0..JOBS {
                    counters.accept();
                    slot.begin();
                    slot.end(End::Successful);
                }
            });
            let mut seen = 0;
            while seen < JOBS {
                let stats = counters.read(1, 1);
                assert!(stats.is_balanced(), "{stats:?}");
                assert!(stats.waiting <= 1 && stats.active <= 2, "{stats:?}");
                assert!((seen..=JOBS).contains(&stats.successful), "{stats:?}");
                seen = stats.successful;
            }
        });
    }
}

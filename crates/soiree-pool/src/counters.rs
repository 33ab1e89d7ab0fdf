//! What a pool counts, and reading the counters without stopping the pool.

use crossbeam_utils::CachePadded;
use soiree_core::{JobOutcome, PoolStats};

use crate::sync::{Arc, AtomicU64, MAX_READ_ATTEMPTS, Mutex, Ordering, lock};

/// All counters of a pool. They never decrease.
pub(crate) struct Counters {
    /// Written only with the pool's state locked.
    accepted: AtomicU64,
    rejected: AtomicU64,
    /// Jobs that no worker ran: they ran inline or on a thread that could not start a worker, or they were discarded.
    off_worker: JobCounts,
    shards: Mutex<Shards>,
}

#[derive(Default)]
struct Shards {
    all: Vec<Arc<CachePadded<JobCounts>>>,
    free: Vec<usize>,
}

/// Counts jobs that have left the queue, and how they ended.
#[derive(Default)]
pub(crate) struct JobCounts {
    started: AtomicU64,
    successful: AtomicU64,
    failed: AtomicU64,
    expired: AtomicU64,
    discarded: AtomicU64,
}

/// The counters of one worker, which no other thread writes. Dropping it leaves them to the next worker, which goes on counting.
pub(crate) struct CounterShard<'a> {
    counters: &'a Counters,
    index: usize,
    counts: Arc<CachePadded<JobCounts>>,
}

/// How a job ended.
#[derive(Clone, Copy)]
pub(crate) enum JobEnd {
    Successful,
    Failed,
    Expired,
    Discarded,
}

impl From<&JobOutcome> for JobEnd {
    fn from(outcome: &JobOutcome) -> Self {
        match outcome {
            JobOutcome::Panicked(_) => Self::Failed,
            JobOutcome::Expired => Self::Expired,
            _ => Self::Successful,
        }
    }
}

impl JobCounts {
    fn counter_of(&self, end: JobEnd) -> &AtomicU64 {
        match end {
            JobEnd::Successful => &self.successful,
            JobEnd::Failed => &self.failed,
            JobEnd::Expired => &self.expired,
            JobEnd::Discarded => &self.discarded,
        }
    }

    fn started(&self) -> u64 {
        self.started.load(Ordering::SeqCst)
    }

    fn ended(&self) -> EndedCounts {
        EndedCounts {
            successful: self.successful.load(Ordering::SeqCst),
            failed: self.failed.load(Ordering::SeqCst),
            expired: self.expired.load(Ordering::SeqCst),
            discarded: self.discarded.load(Ordering::SeqCst),
        }
    }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct EndedCounts {
    successful: u64,
    failed: u64,
    expired: u64,
    discarded: u64,
}

impl EndedCounts {
    fn total(self) -> u64 {
        self.successful + self.failed + self.expired + self.discarded
    }
}

impl CounterShard<'_> {
    pub(crate) fn record_started(&self) {
        increment(&self.counts.started);
    }

    pub(crate) fn record_ended(&self, end: JobEnd) {
        increment(self.counts.counter_of(end));
    }
}

/// Adds one to a counter that no other thread writes.
fn increment(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
}

impl Drop for CounterShard<'_> {
    fn drop(&mut self) {
        lock(&self.counters.shards).free.push(self.index);
    }
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            off_worker: JobCounts::default(),
            shards: Mutex::default(),
        }
    }

    pub(crate) fn acquire_shard(&self) -> CounterShard<'_> {
        let mut shards = lock(&self.shards);
        let index = shards.free.pop().unwrap_or_else(|| {
            shards.all.push(Arc::default());
            shards.all.len() - 1
        });
        let counts = Arc::clone(&shards.all[index]);
        CounterShard {
            counters: self,
            index,
            counts,
        }
    }

    /// Call it only with the pool's state locked.
    pub(crate) fn record_accepted(&self) {
        increment(&self.accepted);
    }

    pub(crate) fn record_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the start of a job on a thread that has no shard.
    pub(crate) fn record_started_off_worker(&self) {
        self.off_worker.started.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a job runs that no worker runs.
    pub(crate) fn is_active_off_worker(&self) -> bool {
        // In this order, so that a job that starts and ends in between does not hide another one.
        let ended = self.off_worker.ended().total();
        self.off_worker.started() != ended
    }

    pub(crate) fn record_ended_off_worker(&self, end: JobEnd) {
        self.off_worker
            .counter_of(end)
            .fetch_add(1, Ordering::SeqCst);
    }

    /// Reads the job counters until two readings agree, at most `MAX_READ_ATTEMPTS` times. `capacity` bounds the waiting jobs.
    /// If no two readings agree, `threads` bounds the active jobs.
    pub(crate) fn read(&self, capacity: usize, threads: usize) -> PoolStats {
        let shards = lock(&self.shards);
        let mut stats = PoolStats::default();
        for attempt in 0..MAX_READ_ATTEMPTS {
            let ended = self.ended(&shards);
            let started = self.started(&shards);
            let accepted = self.accepted.load(Ordering::SeqCst);
            let stable = self.started(&shards) == started && self.ended(&shards) == ended;
            if !stable && attempt + 1 < MAX_READ_ATTEMPTS {
                continue;
            }
            // A job is accepted, started and ended in this order. The counters are read in the opposite order, so no
            // difference is negative.
            let mut waiting = accepted - started;
            let mut active = started - ended.total();
            if stable {
                // Jobs beyond the capacity are queued for an idle worker: they count as active.
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

    fn started(&self, shards: &Shards) -> u64 {
        self.off_worker.started()
            + shards
                .all
                .iter()
                .map(|counts| counts.started())
                .sum::<u64>()
    }

    fn ended(&self, shards: &Shards) -> EndedCounts {
        // Workers discard nothing: they run every job that they have started.
        let mut sum = self.off_worker.ended();
        for ended in shards.all.iter().map(|counts| counts.ended()) {
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

    /// P1: there are as many shards as workers lived at once, however many came and went, and no count is lost.
    #[test]
    fn workers_that_come_and_go_share_shards() {
        let counters = Counters::new();
        for _ in 0..100 {
            let both = [counters.acquire_shard(), counters.acquire_shard()];
            for shard in &both {
                counters.record_accepted();
                shard.record_started();
                shard.record_ended(JobEnd::Successful);
            }
        }
        assert_eq!(lock(&counters.shards).all.len(), 2);
        let stats = counters.read(1, 2);
        assert_eq!((stats.submitted, stats.successful), (200, 200));
    }

    /// P1: counters that never stop changing can still be read; the statistics balance and no counter decreases.
    #[test]
    fn counters_are_read_while_they_change_without_a_pause() {
        const JOBS: u64 = 2_000_000;
        let counters = Counters::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let shard = counters.acquire_shard();
                for _ in 0..JOBS {
                    counters.record_accepted();
                    shard.record_started();
                    shard.record_ended(JobEnd::Successful);
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

//! What a bounded pool counts.

use soiree_core::{JobOutcome, PoolStats};

/// Counts jobs that have ended or were rejected. Part of the pool's state, under its lock. The counters never decrease.
#[derive(Default)]
pub(crate) struct Counters {
    successful: u64,
    failed: u64,
    expired: u64,
    discarded: u64,
    rejected: u64,
}

impl Counters {
    #[inline]
    pub(crate) fn record_ended(&mut self, outcome: &JobOutcome) {
        match outcome {
            JobOutcome::Panicked(_) => self.failed += 1,
            JobOutcome::Expired => self.expired += 1,
            _ => self.successful += 1,
        }
    }

    pub(crate) fn record_discarded(&mut self, jobs: usize) {
        self.discarded += jobs as u64;
    }

    pub(crate) fn record_rejected(&mut self) {
        self.rejected += 1;
    }

    /// The statistics of a pool in which so many jobs are active and wait.
    pub(crate) fn read(&self, active: usize, waiting: usize) -> PoolStats {
        let mut stats = PoolStats::default();
        stats.active = active;
        stats.waiting = waiting;
        stats.rejected = self.rejected;
        stats.successful = self.successful;
        stats.failed = self.failed;
        stats.expired = self.expired;
        stats.discarded = self.discarded;
        let ended = self.successful + self.failed + self.expired + self.discarded;
        stats.submitted = ended + (waiting + active) as u64;
        stats
    }
}

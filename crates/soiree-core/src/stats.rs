//! A pool's figures.

/// A pool's figures at one moment.
///
/// A snapshot is taken without stopping the pool. Whatever the pool does meanwhile, these hold in every snapshot:
/// `submitted == successful + failed + expired + discarded + waiting + active`, nothing reads below zero, and nothing
/// that is counted as ended is later counted as not ended. At rest `waiting` and `active` are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Workers that are alive, with or without a job.
    pub running: usize,
    /// Workers without a job.
    pub idle: usize,
    /// Jobs that have started and not ended, those run inline by a submitter included.
    pub active: usize,
    /// Jobs that are accepted and have not started.
    pub waiting: usize,
    /// Jobs that may wait at once.
    pub capacity: usize,
    /// Workers that may live at once.
    pub max_workers: usize,
    /// Workers that stay when idle.
    pub min_workers: usize,
    /// Jobs accepted since the pool was made. Rejected jobs are not among them.
    pub submitted: u64,
    /// Jobs refused since the pool was made.
    pub rejected: u64,
    /// Jobs that ran to their end.
    pub successful: u64,
    /// Jobs that panicked.
    pub failed: u64,
    /// Jobs whose deadline passed before they could start.
    pub expired: u64,
    /// Accepted jobs that were dropped unrun: by `stop`, by a missed release deadline, by an overflow policy.
    pub discarded: u64,
}

impl PoolStats {
    /// Jobs that ran, whether they panicked or not: `successful + failed`.
    pub fn completed(&self) -> u64 {
        self.successful + self.failed
    }

    /// Whether every accepted job is accounted for and the identity of this type's documentation holds.
    pub fn is_balanced(&self) -> bool {
        let ended = self.successful + self.failed + self.expired + self.discarded;
        self.submitted == ended + self.waiting as u64 + self.active as u64
    }
}

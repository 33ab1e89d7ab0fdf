//! The statistics of a pool, and of the work that waits.

/// The statistics of a pool at one moment.
///
/// Reading them does not stop the pool. In every snapshot:
///
/// - `submitted == successful + failed + expired + discarded + waiting + active`
/// - A job that is counted as ended in one snapshot is counted as ended in all later ones.
///
/// When the pool is at rest, `waiting` and `active` are zero.
///
/// ```
/// use soiree_core::PoolStats;
/// let mut stats = PoolStats::default();
/// stats.submitted = 3;
/// (stats.successful, stats.failed, stats.waiting) = (1, 1, 1);
/// assert!(stats.is_balanced());
/// assert_eq!(stats.completed(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// Live workers, busy or idle.
    pub running: usize,
    /// Live workers that run no job.
    pub idle: usize,
    /// Jobs that run now. Includes jobs that their submitters run inline.
    pub active: usize,
    /// Accepted jobs that have not started.
    pub waiting: usize,
    /// Accepted work that waits for a place in the queue; see [`Pool::requeue`](crate::Pool::requeue). Not in `submitted` yet.
    pub requeued: usize,
    /// Those who wait until there is a place in the queue: blocked submitters, and tasks in [`Pool::reserve`](crate::Pool::reserve).
    pub blocked: usize,
    /// Places in the queue that are kept for jobs to come; see [`Pool::try_reserve`](crate::Pool::try_reserve). They count towards
    /// `capacity`, except idle workers that are kept for [tasks](crate::Pool::reserve). No other number here counts them.
    pub reserved: usize,
    /// The largest number of `running` since the pool was created. 0 if the pool does not record it.
    pub peak_running: usize,
    /// The largest number of `waiting` since the pool was created. 0 if the pool does not record it.
    pub peak_waiting: usize,
    /// The limit of `waiting`.
    pub capacity: usize,
    /// The limit of `running`.
    pub max_workers: usize,
    /// The number of workers that stay alive when idle.
    pub min_workers: usize,
    /// Jobs accepted since the pool was created. Does not include rejected jobs.
    pub submitted: u64,
    /// Jobs rejected since the pool was created.
    pub rejected: u64,
    /// Jobs that ran without a panic.
    pub successful: u64,
    /// Jobs that panicked.
    pub failed: u64,
    /// Jobs that were not run, because their deadline had passed.
    pub expired: u64,
    /// Accepted jobs that were dropped before they ran: by `stop`, a missed release deadline or an overflow policy.
    pub discarded: u64,
}

impl PoolStats {
    /// Jobs that ran, with or without a panic: `successful + failed`.
    pub fn completed(&self) -> u64 {
        self.successful + self.failed
    }

    /// Whether no job runs, and none waits: neither in the queue nor for a place in it.
    pub fn is_idle(&self) -> bool {
        self.active + self.waiting + self.requeued + self.blocked == 0
    }

    /// Whether every accepted job is counted exactly once, as described for [this type](PoolStats). For tests of pools.
    pub fn is_balanced(&self) -> bool {
        let ended = self.successful + self.failed + self.expired + self.discarded;
        self.submitted == ended + self.waiting as u64 + self.active as u64
    }
}

/// The work of an `EventPool` that waits, by what it waits for.
///
/// Nothing counts twice. An emission is one piece of work until its listeners run apart: on a pool of their own, as futures, in a
/// retry, or after they waited for their turn. Then each of them is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WaitingStats {
    /// Emits, on threads and in tasks, that are blocked until there is a place in a pool, or room behind a key. They are not accepted yet.
    pub blocked: usize,
    /// Emissions that wait behind another one of their key.
    pub key: usize,
    /// Accepted work that waits for a place in its pool, or for a thread that the pool cannot start just now.
    pub place: usize,
    /// Work in the queues of the pools.
    pub queue: usize,
    /// Retries that wait to be due.
    pub retry: usize,
    /// Calls that wait for their turn, of listeners with [`max_concurrent`](crate::ListenerOptions::max_concurrent).
    pub turn: usize,
}

impl WaitingStats {
    /// All work that waits.
    pub fn total(&self) -> usize {
        self.blocked + self.key + self.place + self.queue + self.retry + self.turn
    }
}

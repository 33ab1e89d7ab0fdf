//! How a pool fails a soak.

use soiree_core::PoolStats;

use super::{SoakOperation, SoakSpec};

/// A pool broke a promise in a soak. The fields are what it takes to repeat the round.
///
/// [`Soak::run`](super::Soak::run) returns it. `Display` shows all fields.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error(
    "{fault}\n  seed {seed}, round {round}, {threads} threads\n  {spec:?}\n  {}",
    shown(.stats)
)]
pub struct SoakFailure {
    /// What the pool did wrong.
    #[source]
    pub fault: SoakFault,
    /// The seed, for [`Soak::seed`](super::Soak::seed).
    pub seed: u64,
    /// The round, for [`Soak::first_round`](super::Soak::first_round).
    pub round: u64,
    /// How many threads submitted jobs, for [`Soak::threads`](super::Soak::threads).
    pub threads: usize,
    /// The limits of the pool.
    pub spec: Box<SoakSpec>,
    /// The stats of the pool. `None` if the pool was dropped, or if `stats` did not return within a second.
    pub stats: Option<Box<PoolStats>>,
}

fn shown(stats: &Option<Box<PoolStats>>) -> String {
    match stats {
        Some(stats) => format!("{stats:?}"),
        None => "no stats: the pool was dropped or does not return them".into(),
    }
}

/// What a pool did wrong. Each variant starts with the number of the broken promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoakFault {
    /// P3: accepted jobs neither ran nor were dropped.
    #[error("{jobs} accepted jobs neither ran nor were dropped")]
    Lost {
        /// How many jobs.
        jobs: u64,
    },
    /// P3: a job ran more than once, was dropped more than once, or both ran and was dropped as if it had not.
    #[error("a job ran {runs} times and was dropped without running {drops} times")]
    Duplicated {
        /// How often the job ran.
        runs: u32,
        /// How often the job was dropped without running.
        drops: u32,
    },
    /// P3: a rejected job ran or was dropped, so the error did not return that job.
    #[error("a rejected job was not returned: it ran {runs} times and was dropped {drops} times")]
    NotReturned {
        /// How often the job ran.
        runs: u32,
        /// How often the job was dropped without running.
        drops: u32,
    },
    /// P6: a job ran although its deadline had passed before it was submitted.
    #[error("a job ran although its deadline had passed before it was submitted")]
    RanPastDeadline,
    /// P3: an operation that waits for jobs returned something that is not true of them.
    #[error("{operation} returned that its job {claimed}, which is not true")]
    WrongResult {
        /// The operation.
        operation: SoakOperation,
        /// What the operation returned about its jobs.
        claimed: &'static str,
    },
    /// P1: a counter differs from what the jobs counted.
    #[error("the pool counted {counter} {pool}, its jobs counted {jobs}")]
    Miscounted {
        /// The name of the field of [`PoolStats`].
        counter: &'static str,
        /// What the pool counted.
        pool: u64,
        /// What the jobs and their submitters counted.
        jobs: u64,
    },
    /// P1: a counter exceeded what can have happened, while the pool was busy.
    #[error("the pool counted {counter} {pool}, but there cannot be more than {at_most}")]
    Overcounted {
        /// The name of the field of [`PoolStats`].
        counter: &'static str,
        /// What the pool counted.
        pool: u64,
        /// What the jobs and their submitters had counted a moment later.
        at_most: u64,
    },
    /// P1: a counter decreased.
    #[error("{counter} decreased from {before} to {after}")]
    Decreased {
        /// The name of the field of [`PoolStats`].
        counter: &'static str,
        /// What a thread read first.
        before: u64,
        /// What the same thread read later.
        after: u64,
    },
    /// P1: the stats do not balance.
    #[error("the stats do not balance: {0:?}")]
    Unbalanced(Box<PoolStats>),
    /// P2: more jobs ran at once than the limit allows. Jobs that submitters ran inline do not count.
    #[error("{running} threads of the pool ran jobs at once, and the limit is {limit}")]
    TooManyRunning {
        /// How many threads ran jobs.
        running: usize,
        /// The highest `max_workers` of the pool in this round.
        limit: usize,
    },
    /// P2: more accepted jobs had not started than the queue may hold and the workers may be about to run.
    #[error("{waiting} accepted jobs had not started, and the limit is {limit}")]
    TooManyWaiting {
        /// How many jobs had not started.
        waiting: u64,
        /// The capacity plus the highest `max_workers` of the pool in this round.
        limit: u64,
    },
    /// The pool rejected a valid resize.
    #[error("a resize to {max_workers} workers was rejected")]
    ResizeRejected {
        /// The new `max_workers`.
        max_workers: usize,
    },
    /// A method of the pool panicked.
    #[error("{operation} panicked: {message}")]
    Panicked {
        /// The method.
        operation: SoakOperation,
        /// The message of the panic.
        message: Box<str>,
    },
    /// P4, P5, P8: the round made no progress for the stall timeout.
    #[error("the pool hangs; the threads are in {operations:?}")]
    Hung {
        /// The current operation of each thread of the soak. The last thread closes the pool.
        operations: Vec<SoakOperation>,
    },
}

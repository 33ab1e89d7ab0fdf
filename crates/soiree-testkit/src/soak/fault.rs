//! How a pool fails.

use soiree_core::PoolStats;

use super::{SoakOperation, SoakSpec};

/// A pool broke a promise, and what it takes to try again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error(
    "{fault}\n  seed {seed}, round {round}, {threads} threads\n  {spec:?}\n  {}",
    shown(.stats)
)]
pub struct SoakFailure {
    /// What it did.
    #[source]
    pub fault: SoakFault,
    /// The seed; see [`Soak::seed`](super::Soak::seed).
    pub seed: u64,
    /// The round; see [`Soak::first_round`](super::Soak::first_round).
    pub round: u64,
    /// How many threads submitted.
    pub threads: usize,
    /// The limits of the round's pool.
    pub spec: Box<SoakSpec>,
    /// The pool's figures, unless it is gone or does not answer.
    pub stats: Option<Box<PoolStats>>,
}

fn shown(stats: &Option<Box<PoolStats>>) -> String {
    match stats {
        Some(stats) => format!("{stats:?}"),
        None => "the pool gives no figures".into(),
    }
}

/// What a pool did that it must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoakFault {
    /// P3: accepted jobs that were neither run nor dropped.
    #[error("{jobs} accepted jobs were neither run nor dropped")]
    Lost {
        /// How many.
        jobs: u64,
    },
    /// P3: a job was run more than once, or both run and dropped unrun.
    #[error("a job was run {runs} times and dropped unrun {drops} times")]
    Duplicated {
        /// How often it was run.
        runs: u32,
        /// How often it was dropped unrun.
        drops: u32,
    },
    /// P3: a refused job was run or dropped, so what came back was not it.
    #[error("a refused job did not come back: it was run {runs} times and dropped {drops} times")]
    NotReturned {
        /// How often it was run.
        runs: u32,
        /// How often it was dropped unrun.
        drops: u32,
    },
    /// P6: a job was run whose deadline had passed before it was submitted.
    #[error("a job was run whose deadline had passed before it was submitted")]
    RanPastDeadline,
    /// P3: an operation that waits for a job told of it what is not so.
    #[error("{operation} says that its job {claimed}, and that is not so")]
    WrongResult {
        /// Which.
        operation: SoakOperation,
        /// What it said.
        claimed: &'static str,
    },
    /// P1: a count that differs from what the jobs counted.
    #[error("the pool says {counter} {pool}, its jobs say {jobs}")]
    Miscounted {
        /// The field of [`PoolStats`].
        counter: &'static str,
        /// What the pool says.
        pool: u64,
        /// What the jobs and their submitters say.
        jobs: u64,
    },
    /// P1: a count above the truth, while the pool was at work.
    #[error("the pool says {counter} {pool}, and there cannot be more than {at_most}")]
    Overcounted {
        /// The field of [`PoolStats`].
        counter: &'static str,
        /// What the pool says.
        pool: u64,
        /// What the jobs and their submitters say, a moment later.
        at_most: u64,
    },
    /// P1: a count that only ever rises has fallen.
    #[error("{counter} fell from {before} to {after}")]
    Decreased {
        /// The field of [`PoolStats`].
        counter: &'static str,
        /// What a thread read first.
        before: u64,
        /// What the same thread read later.
        after: u64,
    },
    /// P1: figures that do not balance.
    #[error("the figures do not balance: {0:?}")]
    Unbalanced(Box<PoolStats>),
    /// P2: more jobs ran at once than the limit allows, those run by submitters not among them.
    #[error("{running} threads of the pool ran jobs at once, and {limit} is the most it may have")]
    TooManyRunning {
        /// How many.
        running: usize,
        /// The greatest limit the pool had in this round.
        limit: usize,
    },
    /// P2: more jobs waited than the queue may hold and the workers may have in hand.
    #[error("{waiting} accepted jobs had not begun, and {limit} is the most there may be")]
    TooManyWaiting {
        /// How many.
        waiting: u64,
        /// The capacity, and the greatest limit of workers.
        limit: u64,
    },
    /// The pool refused a resize within what its limits allow.
    #[error("a resize to {max_workers} workers was refused")]
    ResizeRejected {
        /// The new limit.
        max_workers: usize,
    },
    /// A method of the pool panicked.
    #[error("{operation} panicked: {message}")]
    Panicked {
        /// Which.
        operation: SoakOperation,
        /// What it panicked with.
        message: Box<str>,
    },
    /// P4, P5, P8: nothing happened any more.
    #[error("nothing happens any more; the threads are in {operations:?}")]
    Hung {
        /// What each thread of the soak is doing; the last one ends the pool.
        operations: Vec<SoakOperation>,
    },
}

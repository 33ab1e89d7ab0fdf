//! Jobs and pools.

use std::time::Duration;

use crate::rejection::SubmitErrorReason;

/// A job is about to be submitted to a pool.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobOffered<'a> {
    /// The name of the pool.
    pub pool: &'a str,
}

/// A pool rejected a job.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobRejected<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// Why the pool rejected the job.
    pub reason: &'a SubmitErrorReason,
}

/// A job is about to run.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobStarted<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// The time since the job was offered: how long its submitter was blocked, plus how long the job was queued.
    pub waited: Duration,
}

/// A job that a pool had accepted has run, or was dropped.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobEnded<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// How the job ended.
    pub outcome: JobEnd,
    /// The time from the offer until the job started, or was dropped.
    pub waited: Duration,
    /// How long the job ran, with the notification that it starts. `None` if it did not run.
    pub run_time: Option<Duration>,
}

/// How an accepted job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobEnd {
    /// The job ran to its end. The job of an emission does so even if every listener fails.
    Completed,
    /// The job panicked.
    Panicked,
    /// The job was not run: its deadline had passed before it could start.
    Expired,
    /// The job was not run: a stop, a missed release deadline or an overflow policy dropped it.
    Discarded,
    /// The job is a [future](crate::Job::from_future) that was dropped before it ended, by a missed release deadline or with its
    /// runtime. Its pool counts it as discarded.
    Cancelled,
}

/// The worker limit of a pool was changed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PoolResized<'a> {
    /// The name of the pool.
    pub pool: &'a str,
    /// The old limit.
    pub from: usize,
    /// The new limit.
    pub to: usize,
}

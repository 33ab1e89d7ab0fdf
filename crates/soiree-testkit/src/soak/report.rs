//! What a soak did, in numbers.

use std::fmt;
use std::time::Duration;

/// An operation that a soak runs on a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum SoakOperation {
    /// None: the thread has finished its part of the round.
    Done,
    /// `submit`.
    Submit,
    /// `try_submit`.
    TrySubmit,
    /// `submit_before`, with a deadline that has passed, may pass while the job waits, or is far away.
    SubmitBefore,
    /// `submit_and_wait`.
    SubmitAndWait,
    /// `submit_all_and_wait`.
    SubmitAllAndWait,
    /// `requeue`.
    Requeue,
    /// `run_queued`, with the ID of a job that may have run.
    RunQueued,
    /// `resize`.
    Resize,
    /// `stats`.
    Stats,
    /// `wait_idle`, until a deadline that passes soon.
    WaitIdle,
    /// `stop`.
    Stop,
    /// `release`.
    Release,
    /// `release_with_deadline`.
    ReleaseWithDeadline,
    /// `stop`, called by one of the pool's jobs.
    StopInJob,
    /// `release`, called by one of the pool's jobs.
    ReleaseInJob,
    /// Dropping the last handle of the pool.
    Drop,
}

impl SoakOperation {
    pub(super) const ALL: [Self; 17] = [
        Self::Done,
        Self::Submit,
        Self::TrySubmit,
        Self::SubmitBefore,
        Self::SubmitAndWait,
        Self::SubmitAllAndWait,
        Self::Requeue,
        Self::RunQueued,
        Self::Resize,
        Self::Stats,
        Self::WaitIdle,
        Self::Stop,
        Self::Release,
        Self::ReleaseWithDeadline,
        Self::StopInJob,
        Self::ReleaseInJob,
        Self::Drop,
    ];

    /// The name of the method, followed by "in a job" if a job of the pool calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "nothing",
            Self::Submit => "submit",
            Self::TrySubmit => "try_submit",
            Self::SubmitBefore => "submit_before",
            Self::SubmitAndWait => "submit_and_wait",
            Self::SubmitAllAndWait => "submit_all_and_wait",
            Self::Requeue => "requeue",
            Self::RunQueued => "run_queued",
            Self::Resize => "resize",
            Self::Stats => "stats",
            Self::WaitIdle => "wait_idle",
            Self::Stop => "stop",
            Self::Release => "release",
            Self::ReleaseWithDeadline => "release_with_deadline",
            Self::StopInJob => "stop in a job",
            Self::ReleaseInJob => "release in a job",
            Self::Drop => "drop",
        }
    }
}

impl fmt::Display for SoakOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The numbers of a soak, summed over its rounds. `Display` shows them as a table.
///
/// [`Soak::run`](super::Soak::run) returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoakReport {
    /// The seed.
    pub seed: u64,
    /// How many threads submitted jobs.
    pub threads: usize,
    /// How many rounds passed.
    pub rounds: u64,
    /// How long the soak took.
    pub elapsed: Duration,
    /// Jobs that the pools accepted.
    pub accepted: u64,
    /// Accepted jobs that ran, including those that panicked.
    pub ran: u64,
    /// Accepted jobs that ran and panicked.
    pub panicked: u64,
    /// Accepted jobs that a pool dropped because their deadline had passed.
    pub expired: u64,
    /// Accepted jobs that a pool dropped without running them for another reason.
    pub discarded: u64,
    /// Jobs that the pools rejected.
    pub rejected: u64,
    /// Jobs that other jobs submitted. The fields above count them as well.
    pub nested: u64,
    /// The highest number of threads of one pool that ran jobs at once.
    pub peak_running: usize,
    operations: [u64; SoakOperation::ALL.len()],
}

impl SoakReport {
    pub(super) fn new(seed: u64, threads: usize) -> Self {
        Self {
            seed,
            threads,
            rounds: 0,
            elapsed: Duration::ZERO,
            accepted: 0,
            ran: 0,
            panicked: 0,
            expired: 0,
            discarded: 0,
            rejected: 0,
            nested: 0,
            peak_running: 0,
            operations: Default::default(),
        }
    }

    /// How often each operation was run.
    pub fn operations(&self) -> impl Iterator<Item = (SoakOperation, u64)> {
        SoakOperation::ALL
            .into_iter()
            .zip(self.operations)
            .filter(|(operation, _)| *operation != SoakOperation::Done)
    }

    pub(super) fn count(&mut self, operation: SoakOperation, times: u64) {
        self.operations[operation as usize] += times;
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, count: u64| writeln!(f, "{name:<24}{count:>14}");
        line("seed", self.seed)?;
        line("threads", self.threads as u64)?;
        line("seconds", self.elapsed.as_secs())?;
        line("rounds", self.rounds)?;
        for (operation, times) in self.operations() {
            line(operation.name(), times)?;
        }
        line("jobs accepted", self.accepted)?;
        line("jobs run", self.ran)?;
        line("jobs panicked", self.panicked)?;
        line("jobs expired", self.expired)?;
        line("jobs discarded", self.discarded)?;
        line("jobs rejected", self.rejected)?;
        line("jobs from jobs", self.nested)?;
        write!(f, "{:<24}{:>14}", "peak running", self.peak_running)
    }
}

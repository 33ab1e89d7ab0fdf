//! What a soak did.

use std::fmt;
use std::time::Duration;

/// What the threads of a soak do to a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum SoakOperation {
    /// Nothing more, in this round.
    Done,
    /// `submit`.
    Submit,
    /// `try_submit`.
    TrySubmit,
    /// `submit_before`, with a deadline that has passed, is near, or is far.
    SubmitBefore,
    /// `submit_and_wait`.
    SubmitAndWait,
    /// `submit_all_and_wait`.
    SubmitAllAndWait,
    /// `resize`.
    Resize,
    /// `stats`.
    Stats,
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
    /// The pool's last handle is dropped.
    Drop,
}

impl SoakOperation {
    pub(super) const ALL: [Self; 14] = [
        Self::Done,
        Self::Submit,
        Self::TrySubmit,
        Self::SubmitBefore,
        Self::SubmitAndWait,
        Self::SubmitAllAndWait,
        Self::Resize,
        Self::Stats,
        Self::Stop,
        Self::Release,
        Self::ReleaseWithDeadline,
        Self::StopInJob,
        Self::ReleaseInJob,
        Self::Drop,
    ];

    /// The name of the method, and who calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "nothing",
            Self::Submit => "submit",
            Self::TrySubmit => "try_submit",
            Self::SubmitBefore => "submit_before",
            Self::SubmitAndWait => "submit_and_wait",
            Self::SubmitAllAndWait => "submit_all_and_wait",
            Self::Resize => "resize",
            Self::Stats => "stats",
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

/// The figures of a soak. `Display` shows them as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoakReport {
    /// The seed.
    pub seed: u64,
    /// How many threads submitted.
    pub threads: usize,
    /// Rounds that ended well.
    pub rounds: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Jobs that a pool accepted.
    pub accepted: u64,
    /// Accepted jobs that were run, whether they panicked or not.
    pub ran: u64,
    /// Accepted jobs that were run and panicked.
    pub panicked: u64,
    /// Accepted jobs that were dropped because their deadline had passed.
    pub expired: u64,
    /// Accepted jobs that were dropped unrun for another reason.
    pub discarded: u64,
    /// Jobs that came back.
    pub rejected: u64,
    /// Jobs, among all of them, that other jobs submitted.
    pub nested: u64,
    /// The most threads of one pool that ran jobs at once.
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

    /// How often each operation was done.
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
        let mut line = |name: &str, figure: u64| writeln!(f, "{name:<24}{figure:>14}");
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
        write!(f, "{:<24}{:>14}", "most at once", self.peak_running)
    }
}

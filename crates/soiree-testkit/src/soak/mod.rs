//! Random operations on a pool from many threads, with an exact account of every job.

mod checker;
mod client;
mod fault;
mod ledger;
mod plan;
mod report;
mod round;
mod spec;
mod tracked_job;

use std::fmt;
use std::time::{Duration, Instant};

use soiree_core::Pool;

pub use self::fault::{SoakFailure, SoakFault};
pub use self::report::{SoakOperation, SoakReport};
pub use self::spec::SoakSpec;

use self::round::Round;

/// Runs random operations on a pool from many threads, and checks that every job is accounted for.
///
/// Use it to find races in a pool that the fixed cases of [`pool_conformance!`](crate::pool_conformance) miss. It checks the
/// promises P1 to P6 and P8; those about jobs (P1 to P3) against what the jobs themselves count.
///
/// A soak runs rounds, each on a new pool with random limits. In a round, several threads call every method of the pool that
/// submits jobs, resize the pool and read its stats. Jobs submit more jobs, panic, or panic when dropped. Meanwhile the pool is
/// closed: by a stop, a release, or a release with a deadline, from outside or from one of its own jobs, or by dropping its
/// last handle. After the round, each accepted job must have run once or been dropped once, and the counters of the pool must
/// equal those of the jobs. A pool that hangs or panics fails the soak as well.
///
/// The seed decides the limits of each round and the operations of each thread. It does not decide how the operating system
/// interleaves the threads: a race may need many runs of the same seed and round to show again.
///
/// ```
/// use soiree_pool::WorkerPool;
/// use soiree_testkit::Soak;
/// use std::time::Duration;
///
/// let report = Soak::new()
///     .duration(Duration::from_millis(200))
///     .seed(7)
///     .run(|spec| {
///         WorkerPool::builder()
///             .max_workers(spec.max_workers)
///             .min_workers(spec.min_workers)
///             .capacity(spec.capacity)
///             .idle_timeout(spec.idle_timeout)
///             .overflow(spec.overflow)
///             .build()
///             .expect("the limits are valid")
///     })?;
/// assert!(report.rounds > 0);
/// println!("{report}");
/// # Ok::<(), soiree_testkit::SoakFailure>(())
/// ```
#[must_use]
pub struct Soak {
    duration: Duration,
    threads: usize,
    seed: u64,
    first_round: u64,
    stall_timeout: Duration,
    progress: Box<dyn FnMut(&SoakReport)>,
}

impl Soak {
    /// Creates a soak of one second with four threads and a random seed.
    pub fn new() -> Self {
        Self {
            duration: Duration::from_secs(1),
            threads: 4,
            seed: fastrand::u64(..),
            first_round: 0,
            stall_timeout: Duration::from_secs(60),
            progress: Box::new(|_| {}),
        }
    }

    /// Sets for how long new rounds start. One second by default.
    ///
    /// The soak takes longer, as it finishes the round it is in. It runs at least one round.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Sets how many threads submit jobs. Four by default; 0 counts as 1. One more thread closes the pool.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets the seed of the limits and operations of all rounds. Random by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts with this round of the seed, to repeat one that failed. 0 by default.
    pub fn first_round(mut self, round: u64) -> Self {
        self.first_round = round;
        self
    }

    /// Sets how long a round may make no progress before it fails as hung. 60 seconds by default.
    pub fn stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// Sets a callback that gets the report so far after each round, on the thread that called [`run`](Soak::run).
    pub fn progress(mut self, progress: impl FnMut(&SoakReport) + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Runs rounds, each on a new pool made by `make`, until the duration has passed or a round fails.
    ///
    /// Blocks the calling thread until then. The pool must count the jobs that it [runs inline](Pool::run_inline), and must
    /// implement [`on_worker`](Pool::on_worker).
    ///
    /// # Errors
    /// The first promise that the pool broke, with the seed and the round to repeat it. A round that hangs leaks its threads
    /// and its pool.
    ///
    /// # Panics
    /// If `make` panics, or if the operating system cannot start a thread.
    pub fn run<P: Pool + 'static>(
        mut self,
        mut make: impl FnMut(&SoakSpec) -> P,
    ) -> Result<SoakReport, SoakFailure> {
        let start = Instant::now();
        let mut report = SoakReport::new(self.seed, self.threads);
        for number in self.first_round.. {
            let round = Round::new(self.seed, number, self.threads);
            round.run(&mut make, self.stall_timeout, &mut report)?;
            report.rounds += 1;
            report.elapsed = start.elapsed();
            (self.progress)(&report);
            if report.elapsed >= self.duration {
                break;
            }
        }
        Ok(report)
    }
}

impl Default for Soak {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Soak")
            .field("duration", &self.duration)
            .field("threads", &self.threads)
            .field("seed", &self.seed)
            .field("first_round", &self.first_round)
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}

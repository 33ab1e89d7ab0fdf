//! Many threads doing random things to a pool, and an exact account of what became of every job.

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

/// Runs random operations from many threads on a pool, and holds it to the promises P1 to P3 by what the jobs themselves saw.
///
/// It goes in rounds. Each makes a pool of random limits, lets several threads submit to it in every way there is (jobs that
/// submit more jobs, jobs that panic, jobs that panic as they are dropped), resizes it and reads its figures, and then ends it while
/// they still do so: by stop, by release, by a release with a deadline, from outside or from one of its own jobs, or by
/// dropping it. After each round every job must have been run once or dropped unrun, and every count of the pool must
/// equal what the jobs counted. A pool that hangs is a failure as well.
///
/// The seed decides which operations each thread does, in which order, on which limits. It does not decide how the threads
/// interleave, which is up to the system: a failure that is a race may need many runs of its seed and round to show again.
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
///             .expect("these limits are sound")
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
    /// One second, four threads, a seed that nobody chose.
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

    /// For how long new rounds begin; a round that has begun is finished. At least one is run.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// How many threads submit at once; at least 1. One more ends the pool.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// What decides the limits and operations of every round.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Begins with this round of the seed, to repeat one that failed. 0 unless set.
    pub fn first_round(mut self, round: u64) -> Self {
        self.first_round = round;
        self
    }

    /// How long nothing at all may happen in a round before that counts as a hang. 60 seconds unless set.
    pub fn stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// Is shown the figures so far after each round.
    pub fn progress(mut self, progress: impl FnMut(&SoakReport) + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Runs rounds, each on a new pool made by `make`, until the time is up or one fails.
    ///
    /// Blocks the calling thread. The pool has to count what it [runs inline](Pool::run_inline), and to answer
    /// [`on_worker`](Pool::on_worker) truthfully.
    ///
    /// # Errors
    /// The first broken promise, with what is needed to try again. The threads of a round that hangs are left behind.
    ///
    /// # Panics
    /// If `make` does, or if the system starts no more threads.
    pub fn run<P: Pool + 'static>(
        mut self,
        mut make: impl FnMut(&SoakSpec) -> P,
    ) -> Result<SoakReport, SoakFailure> {
        let started = Instant::now();
        let mut report = SoakReport::new(self.seed, self.threads);
        for number in self.first_round.. {
            let round = Round::new(self.seed, number, self.threads);
            round.run(&mut make, self.stall_timeout, &mut report)?;
            report.rounds += 1;
            report.elapsed = started.elapsed();
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
            .field("patience", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}

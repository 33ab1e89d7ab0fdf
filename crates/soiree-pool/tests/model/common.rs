//! Helpers of all scenarios.

use std::sync::Arc;
// Not the checker's: counting in a test should not be a step that the checker schedules.
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;
use soiree_pool::{Job, Pool, SubmitError, WaitError, WorkerPool, WorkerPoolBuilder};

/// A timeout that never passes.
pub(crate) const NEVER: Duration = Duration::MAX;
/// A timeout that may pass at any time.
pub(crate) const SOME: Duration = Duration::from_secs(60);

/// A pool whose threads belong to the checker, and whose idle workers never exit.
pub(crate) fn pool(max_workers: usize, capacity: usize) -> WorkerPoolBuilder {
    WorkerPool::builder()
        .max_workers(max_workers)
        .capacity(capacity)
        .idle_timeout(NEVER)
        .spawn_handler(|_, body| {
            thread::spawn(body);
            Ok(())
        })
}

pub(crate) fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[thread_rng().gen_range(0..choices.len())]
}

/// Records what the jobs of a scenario did.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Entries>);

#[derive(Default)]
struct Entries {
    made: AtomicUsize,
    ran: AtomicUsize,
    dropped: AtomicUsize,
    accepted: AtomicUsize,
    rejected: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
}

/// Records the drop of a job. A job that runs takes that record back.
struct Token(Ledger);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, SeqCst);
    }
}

impl Ledger {
    /// A job that yields to other threads while it runs.
    pub(crate) fn job(&self) -> impl FnOnce() + Send + 'static {
        self.job_that(thread::yield_now)
    }

    pub(crate) fn job_that(
        &self,
        work: impl FnOnce() + Send + 'static,
    ) -> impl FnOnce() + Send + 'static {
        self.0.made.fetch_add(1, SeqCst);
        let token = Token(self.clone());
        move || {
            let entries = &token.0.0;
            let running = entries.running.fetch_add(1, SeqCst) + 1;
            entries.most_running.fetch_max(running, SeqCst);
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            entries.running.fetch_sub(1, SeqCst);
            entries.ran.fetch_add(1, SeqCst);
            entries.dropped.fetch_sub(1, SeqCst);
            drop(token);
            if let Err(payload) = ended {
                std::panic::resume_unwind(payload);
            }
        }
    }

    /// A job that waits until the latch opens.
    pub(crate) fn latched(&self) -> (Latch, impl FnOnce() + Send + 'static) {
        let (sender, running) = channel();
        let (open, opened) = channel::<()>();
        let job = self.job_that(move || {
            let _ = sender.send(());
            let _ = opened.recv();
        });
        (Latch { running, open }, job)
    }

    /// Records whether a submission was accepted.
    pub(crate) fn record(&self, submitted: Result<(), SubmitError>) -> bool {
        let accepted = submitted.is_ok();
        let count = match accepted {
            true => &self.0.accepted,
            false => &self.0.rejected,
        };
        count.fetch_add(1, SeqCst);
        accepted
    }

    /// Submits jobs, and records for each whether it was accepted.
    pub(crate) fn submit(&self, pool: &WorkerPool, jobs: usize) {
        for _ in 0..jobs {
            self.record(pool.submit(self.job()));
        }
    }

    /// Requeues jobs, and records for each whether it was accepted.
    pub(crate) fn requeue(&self, pool: &WorkerPool, jobs: usize) {
        for _ in 0..jobs {
            self.record(pool.requeue(Job::new(self.job())));
        }
    }

    /// Submits a job, waits for its end, and records whether it was accepted. Returns whether it ran.
    pub(crate) fn submit_and_wait(&self, pool: &WorkerPool, job: impl Into<Job>) -> bool {
        let waited = pool.submit_and_wait(job);
        let ran = waited.is_ok();
        match waited {
            Ok(()) | Err(WaitError::Discarded) => self.record(Ok(())),
            Err(WaitError::Rejected(error)) => self.record(Err(error)),
            Err(other) => panic!("{other}"),
        };
        ran
    }

    pub(crate) fn ran(&self) -> usize {
        self.0.ran.load(SeqCst)
    }

    pub(crate) fn accepted(&self) -> usize {
        self.0.accepted.load(SeqCst)
    }

    pub(crate) fn running(&self) -> usize {
        self.0.running.load(SeqCst)
    }

    pub(crate) fn most_running(&self) -> usize {
        self.0.most_running.load(SeqCst)
    }

    /// Asserts that every job either ran or was dropped and counted as dropped, and that the pool is at rest.
    #[track_caller]
    pub(crate) fn assert_settled(&self, pool: &WorkerPool) {
        let stats = pool.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        let at_rest = [stats.waiting, stats.active, stats.running, stats.idle];
        assert_eq!(at_rest, [0; 4], "{stats:?}");
        assert_eq!((stats.requeued, stats.blocked), (0, 0), "{stats:?}");
        let entries = &self.0;
        let load = |count: &AtomicUsize| count.load(SeqCst) as u64;
        assert_eq!(stats.submitted, load(&entries.accepted), "{stats:?}");
        assert_eq!(stats.rejected, load(&entries.rejected), "{stats:?}");
        assert_eq!(stats.completed(), load(&entries.ran), "{stats:?}");
        let unrun = stats.discarded + stats.expired + stats.rejected;
        assert_eq!(unrun, load(&entries.dropped), "{stats:?}");
        let made = load(&entries.made);
        assert_eq!(stats.submitted + stats.rejected, made, "{stats:?}");
    }

    /// Releases the pool, then as [`assert_settled`](Self::assert_settled).
    #[track_caller]
    pub(crate) fn release_and_assert_settled(&self, pool: &WorkerPool) {
        pool.release();
        self.assert_settled(pool);
    }
}

/// Holds up a job until it opens.
pub(crate) struct Latch {
    running: Receiver<()>,
    open: Sender<()>,
}

impl Latch {
    pub(crate) fn wait_running(&self) {
        self.running.recv().expect("the job starts");
    }

    pub(crate) fn open(self) {
        drop(self.open);
    }
}

/// Keeps a worker busy: submits a job and waits until it runs.
pub(crate) fn block_worker(pool: &WorkerPool, ledger: &Ledger) -> Latch {
    let (latch, job) = ledger.latched();
    assert!(ledger.record(pool.submit(Job::new(job))));
    latch.wait_running();
    latch
}

//! What the cases are written with: a pool that is watched, waiting with an end to it, threads that may be left behind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Job, Pool};

use super::latch::Latch;
use super::os_thread::{self, OsThread};
use super::pool_under_test::PoolUnderTest;
use super::spec::PoolSpec;
use super::watchdog::{Watchdog, message};

pub(crate) type Factory = dyn Fn(PoolSpec) -> Arc<dyn Pool> + Send + Sync;

/// Everything a case gets.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) factory: Arc<Factory>,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) timeout: Duration,
}

/// A thread that helps a case, and that a failing case leaves behind.
pub(crate) struct HelperThread<T> {
    fixture: Fixture,
    what: &'static str,
    ended: Receiver<Result<T, String>>,
    os_thread: Option<OsThread>,
}

impl Fixture {
    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> PoolUnderTest {
        self.build(PoolSpec::new(max_workers, capacity))
    }

    pub(crate) fn build(&self, spec: PoolSpec) -> PoolUnderTest {
        PoolUnderTest::new((self.factory)(spec), Arc::clone(&self.watchdog))
    }

    /// Ends the case. `message` goes on after "does not hold: ".
    pub(crate) fn fail(&self, message: &str) -> ! {
        self.watchdog.record_failure(message);
        // Without the panic hook: whoever runs the case says what is to be said.
        resume_unwind(Box::new(message.to_owned()));
    }

    pub(crate) fn assert(&self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail(&message());
        }
    }

    /// Waits until the condition holds.
    pub(crate) fn wait_until(
        &self,
        pool: &PoolUnderTest,
        what: &str,
        mut holds: impl FnMut() -> bool,
    ) {
        let deadline = Instant::now() + self.timeout;
        for look in 0.. {
            if holds() {
                return;
            }
            if Instant::now() > deadline {
                let stats = pool.stats();
                self.fail(&format!("waited in vain until {what}; {stats:?}"));
            }
            // What has not come by now may take long, and then needs the processor more than this thread does.
            if look < 200 {
                thread::yield_now();
            } else {
                thread::sleep(Duration::from_micros(500));
            }
        }
    }

    /// Waits for a message.
    pub(crate) fn recv<T>(&self, what: &str, receiver: &Receiver<T>) -> T {
        match receiver.recv_timeout(self.timeout) {
            Ok(value) => value,
            Err(_) => self.fail(&format!("waited in vain until {what}")),
        }
    }

    /// Starts a thread and returns when it runs.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> HelperThread<T> {
        let (said, ended) = channel();
        let (begun, begins) = channel();
        let thread = thread::Builder::new().name(what.into());
        let spawned = thread.spawn(move || {
            let _ = begun.send(OsThread::current());
            let result = catch_unwind(AssertUnwindSafe(work));
            let _ = said.send(result.map_err(message));
        });
        if let Err(error) = spawned {
            self.fail(&format!("{what}: no thread could be started: {error}"));
        }
        HelperThread {
            fixture: self.clone(),
            what,
            ended,
            os_thread: self.recv(what, &begins),
        }
    }

    /// Hands over a job; waits for a place even if the pool refuses when it is full.
    pub(crate) fn submit(&self, pool: &PoolUnderTest, job: impl Into<Job>) {
        if let Err(message) = pool.submit_until_accepted(job.into(), self.timeout) {
            self.fail(&message);
        }
    }

    /// Keeps one worker busy; returns when the job runs.
    pub(crate) fn occupy_worker(&self, pool: &PoolUnderTest) -> Latch {
        let (latch, job) = Latch::new();
        self.submit(pool, job);
        self.wait_until_running(pool, &latch);
        latch
    }

    /// Keeps so many workers busy.
    pub(crate) fn occupy_workers(&self, pool: &PoolUnderTest, workers: usize) -> Vec<Latch> {
        (0..workers).map(|_| self.occupy_worker(pool)).collect()
    }

    /// Waits until the latch's job runs.
    pub(crate) fn wait_until_running(&self, pool: &PoolUnderTest, latch: &Latch) {
        if !latch.wait_until_running(self.timeout) {
            let stats = pool.stats();
            self.fail(&format!(
                "waited in vain for a job to start, though a worker should be free for it; {stats:?}"
            ));
        }
    }

    /// Fills the queue of a pool whose workers are all busy; says how many jobs that took.
    pub(crate) fn fill_queue(&self, pool: &PoolUnderTest, capacity: usize) -> usize {
        let most = 2 * capacity + 64;
        for filled in 0..most {
            if pool.try_submit(|| {}).is_err() {
                return filled;
            }
        }
        self.fail(&format!(
            "try_submit still accepts after {most} jobs, though all workers are busy and {capacity} jobs may wait"
        ));
    }
}

impl<T> HelperThread<T> {
    /// Waits for what the thread returns. Its panic is the case's.
    pub(crate) fn join(self) -> T {
        match self.ended.recv_timeout(self.fixture.timeout) {
            Ok(Ok(value)) => value,
            Ok(Err(message)) => self.fixture.fail(&message),
            Err(_) => {
                let what = self.what;
                self.fixture
                    .fail(&format!("waited in vain until {what} was done"))
            }
        }
    }

    /// Whether it has ended. What it returned is lost if so.
    pub(crate) fn is_finished(&self) -> bool {
        self.ended.try_recv().is_ok()
    }

    /// Waits until the thread blocks, where that can be seen; a while elsewhere.
    pub(crate) fn wait_until_blocked(&self) {
        os_thread::wait_until_blocked(self.os_thread.as_ref());
    }
}

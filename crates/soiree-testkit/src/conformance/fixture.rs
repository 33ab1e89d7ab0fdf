//! What every case gets: pools with a watchdog, waits with a timeout, and helper threads.

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

/// Makes pools and threads for one case, and fails the case.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) factory: Arc<Factory>,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) timeout: Duration,
}

/// A thread that a case starts. It is leaked if the case fails before it ends.
pub(crate) struct HelperThread<T> {
    fixture: Fixture,
    name: &'static str,
    result: Receiver<Result<T, String>>,
    os_thread: Option<OsThread>,
}

impl Fixture {
    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> PoolUnderTest {
        self.build(PoolSpec::new(max_workers, capacity))
    }

    pub(crate) fn build(&self, spec: PoolSpec) -> PoolUnderTest {
        PoolUnderTest::new((self.factory)(spec), Arc::clone(&self.watchdog))
    }

    /// Fails the case. `message` follows the words "does not hold: ".
    pub(crate) fn fail(&self, message: &str) -> ! {
        self.watchdog.record_failure(message);
        // Does not call the panic hook: the test that runs the case prints the message.
        resume_unwind(Box::new(message.to_owned()));
    }

    /// Fails the case unless the condition holds.
    pub(crate) fn assert(&self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail(&message());
        }
    }

    /// Blocks until the condition holds. Fails the case after the timeout. `what` is a sentence in the perfect tense.
    pub(crate) fn wait_until(
        &self,
        pool: &PoolUnderTest,
        what: &str,
        mut condition: impl FnMut() -> bool,
    ) {
        let deadline = Instant::now() + self.timeout;
        for attempt in 0.. {
            if condition() {
                return;
            }
            if Instant::now() > deadline {
                let stats = pool.stats();
                self.fail(&format!("timed out waiting until {what}; {stats:?}"));
            }
            // A long wait should leave the processor to the threads it waits for.
            if attempt < 200 {
                thread::yield_now();
            } else {
                thread::sleep(Duration::from_micros(500));
            }
        }
    }

    /// Blocks until a message arrives. Fails the case after the timeout. `what` is a sentence in the perfect tense.
    pub(crate) fn recv<T>(&self, what: &str, receiver: &Receiver<T>) -> T {
        match receiver.recv_timeout(self.timeout) {
            Ok(value) => value,
            Err(_) => self.fail(&format!("timed out waiting until {what}")),
        }
    }

    /// Starts a thread and blocks until it runs.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> HelperThread<T> {
        let (result_sender, result) = channel();
        let (started, has_started) = channel();
        let thread = thread::Builder::new().name(name.into());
        let spawned = thread.spawn(move || {
            let _ = started.send(OsThread::current());
            let outcome = catch_unwind(AssertUnwindSafe(work));
            let _ = result_sender.send(outcome.map_err(message));
        });
        if let Err(error) = spawned {
            self.fail(&format!(
                "the thread \"{name}\" could not be started: {error}"
            ));
        }
        HelperThread {
            fixture: self.clone(),
            name,
            result,
            os_thread: self.recv("a thread of the case has started", &has_started),
        }
    }

    /// Submits a job, and retries while the pool rejects it because it is full. Fails the case on any other
    /// rejection, and after the timeout.
    pub(crate) fn submit(&self, pool: &PoolUnderTest, job: impl Into<Job>) {
        if let Err(message) = pool.submit_until_accepted(job.into(), self.timeout) {
            self.fail(&message);
        }
    }

    /// Submits a job that blocks its worker until the latch is released, and waits until the job runs.
    pub(crate) fn occupy_worker(&self, pool: &PoolUnderTest) -> Latch {
        let (latch, job) = Latch::new();
        self.submit(pool, job);
        self.wait_until_running(pool, &latch);
        latch
    }

    /// As [`occupy_worker`](Fixture::occupy_worker), for several workers.
    pub(crate) fn occupy_workers(&self, pool: &PoolUnderTest, workers: usize) -> Vec<Latch> {
        (0..workers).map(|_| self.occupy_worker(pool)).collect()
    }

    /// Waits until the job of the latch runs.
    pub(crate) fn wait_until_running(&self, pool: &PoolUnderTest, latch: &Latch) {
        if !latch.wait_until_running(self.timeout) {
            let stats = pool.stats();
            self.fail(&format!(
                "timed out waiting until a job has started, although a worker must be free; {stats:?}"
            ));
        }
    }

    /// Fills the queue of a pool whose workers are all busy. Returns how many jobs the queue took.
    pub(crate) fn fill_queue(&self, pool: &PoolUnderTest, capacity: usize) -> usize {
        let limit = 2 * capacity + 64;
        for filled in 0..limit {
            if pool.try_submit(|| {}).is_err() {
                return filled;
            }
        }
        self.fail(&format!(
            "try_submit accepted {limit} jobs, although all workers are busy and only {capacity} jobs may wait"
        ));
    }
}

impl<T> HelperThread<T> {
    /// Blocks until the thread has ended and returns its value. Fails the case if the thread panicked.
    pub(crate) fn join(self) -> T {
        match self.result.recv_timeout(self.fixture.timeout) {
            Ok(Ok(value)) => value,
            Ok(Err(message)) => self.fixture.fail(&message),
            Err(_) => {
                let name = self.name;
                self.fixture
                    .fail(&format!("timed out waiting until \"{name}\" has returned"))
            }
        }
    }

    /// Whether the thread has ended. If it has, its value is lost.
    pub(crate) fn is_finished(&self) -> bool {
        self.result.try_recv().is_ok()
    }

    /// Waits until the thread blocks. Only Linux shows that; elsewhere this waits for a moment.
    pub(crate) fn wait_until_blocked(&self) {
        os_thread::wait_until_blocked(self.os_thread.as_ref());
    }
}

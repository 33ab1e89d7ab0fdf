//! Helpers of all tests of the pool.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree_pool::{Job, Pool, WorkerPool};

/// How long a condition may take. Far longer than any that comes true.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until the condition holds. Panics after [`TIMEOUT`].
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::yield_now();
    }
}

/// Holds up a job, and so a worker, until it opens.
pub(crate) struct Latch {
    running: Receiver<()>,
    open: Sender<()>,
}

impl Latch {
    pub(crate) fn block_worker(pool: &WorkerPool) -> Self {
        let (latch, job) = Self::job();
        pool.submit(job).expect("the pool accepts a job");
        latch.wait_running();
        latch
    }

    pub(crate) fn job() -> (Self, impl FnOnce() + Send + 'static) {
        let (sender, running) = channel();
        let (open, opened) = channel();
        let job = move || {
            sender.send(()).expect("the test waits");
            let _ = opened.recv();
        };
        (Self { running, open }, job)
    }

    pub(crate) fn wait_running(&self) {
        self.running.recv_timeout(TIMEOUT).expect("the job starts");
    }

    pub(crate) fn open(self) {
        let _ = self.open.send(());
    }
}

/// Asserts that a released pool has no workers and no jobs, and that its statistics add up.
pub(crate) fn assert_at_rest(pool: &WorkerPool) {
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(
        (stats.waiting, stats.active, stats.running, stats.idle),
        (0, 0, 0, 0),
        "{stats:?}"
    );
}

/// Runs `work` on a thread of its own, and fails if it does not end.
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, result) = channel();
    std::thread::spawn(move || sender.send(work()));
    match result.recv_timeout(TIMEOUT) {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}

/// Jobs that record the order in which they run.
#[derive(Clone, Default)]
pub(crate) struct Order(Arc<Mutex<Vec<usize>>>);

impl Order {
    pub(crate) fn job(&self, number: usize) -> Job {
        let order = self.clone();
        Job::new(move || order.0.lock().unwrap().push(number))
    }

    pub(crate) fn ran(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

//! What the tests of the pool share.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use soiree_pool::{Pool, WorkerPool};

/// Far more than any condition takes that is going to come true.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A job that says that it runs, and then runs until it is let go.
pub(crate) struct Latch {
    running: Receiver<()>,
    open: Sender<()>,
}

impl Latch {
    pub(crate) fn block_worker(pool: &WorkerPool) -> Self {
        let (latch, job) = Self::job();
        pool.submit(job).expect("the pool takes a job");
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

/// Asserts what holds of a pool that was released.
pub(crate) fn assert_at_rest(pool: &WorkerPool) {
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(
        (stats.waiting, stats.active, stats.running, stats.idle),
        (0, 0, 0, 0),
        "{stats:?}"
    );
}

//! What the tests of the pool share.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use soiree_pool::{Pool, WorkerPool};

/// Far more than any condition takes that is going to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A job that says that it runs, and then runs until it is let go.
pub(crate) struct Latch {
    running: Receiver<()>,
    go: Sender<()>,
}

impl Latch {
    pub(crate) fn hold(pool: &WorkerPool) -> Self {
        let (latch, job) = Self::job();
        pool.submit(job).expect("the pool takes a job");
        latch.wait_running();
        latch
    }

    pub(crate) fn job() -> (Self, impl FnOnce() + Send + 'static) {
        let (said, running) = channel();
        let (go, told) = channel();
        let job = move || {
            said.send(()).expect("the test waits");
            let _ = told.recv();
        };
        (Self { running, go }, job)
    }

    pub(crate) fn wait_running(&self) {
        self.running.recv_timeout(PATIENCE).expect("the job starts");
    }

    pub(crate) fn let_go(self) {
        let _ = self.go.send(());
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

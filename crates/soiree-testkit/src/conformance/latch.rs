//! Jobs that block until a case releases them, and jobs that count how often they ran and were dropped.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use soiree_core::Job;

/// Blocks its job: the job runs until the latch is released or dropped.
pub(crate) struct Latch {
    running: Receiver<()>,
    _release: Sender<()>,
}

impl Latch {
    pub(crate) fn new() -> (Self, Job) {
        let (started, running) = channel();
        let (release, released) = channel::<()>();
        let job = Job::new(move || {
            let _ = started.send(());
            let _ = released.recv();
        });
        let latch = Self {
            running,
            _release: release,
        };
        (latch, job)
    }

    pub(crate) fn wait_until_running(&self, timeout: Duration) -> bool {
        self.running.recv_timeout(timeout).is_ok()
    }

    pub(crate) fn release(self) {}
}

/// Counts how often each of several jobs ran and was dropped, independently of the pool's stats.
#[derive(Clone)]
pub(crate) struct TrackedJobs(Arc<Vec<JobCounts>>);

#[derive(Default)]
struct JobCounts {
    runs: AtomicUsize,
    drops: AtomicUsize,
}

/// Lives in a job, and counts its drop if the job never ran.
struct Token {
    jobs: TrackedJobs,
    number: usize,
    ran: bool,
}

impl TrackedJobs {
    pub(crate) fn new(jobs: usize) -> Self {
        Self(Arc::new((0..jobs).map(|_| JobCounts::default()).collect()))
    }

    /// Makes the job of that number.
    pub(crate) fn job(&self, number: usize) -> Job {
        self.job_with(number, || {})
    }

    /// Makes the job of that number, which also runs `work`.
    pub(crate) fn job_with(&self, number: usize, work: impl FnOnce() + Send + 'static) -> Job {
        let mut token = Token {
            jobs: self.clone(),
            number,
            ran: false,
        };
        Job::new(move || {
            token.ran = true;
            work();
            let counts = &token.jobs.0[token.number];
            counts.runs.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// How often a job returned.
    pub(crate) fn runs(&self, number: usize) -> usize {
        self.0[number].runs.load(Ordering::SeqCst)
    }

    /// How often a job was dropped without running.
    pub(crate) fn drops(&self, number: usize) -> usize {
        self.0[number].drops.load(Ordering::SeqCst)
    }

    /// How often all jobs together returned.
    pub(crate) fn total_runs(&self) -> usize {
        (0..self.0.len()).map(|number| self.runs(number)).sum()
    }

    /// How often all jobs together were dropped without running.
    pub(crate) fn total_drops(&self) -> usize {
        (0..self.0.len()).map(|number| self.drops(number)).sum()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.ran {
            let counts = &self.jobs.0[self.number];
            counts.drops.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Sends a message when dropped.
struct SendOnDrop(Sender<()>);

impl Drop for SendOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Sends a message when the calling thread ends.
pub(crate) fn send_on_thread_end(sender: Sender<()>) {
    thread_local! {
        static AT_END: RefCell<Vec<SendOnDrop>> = const { RefCell::new(Vec::new()) };
    }
    AT_END.with(|at_end| at_end.borrow_mut().push(SendOnDrop(sender)));
}

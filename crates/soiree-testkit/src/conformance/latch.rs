//! Jobs that can be held, and jobs whose fate is known.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use soiree_core::Job;

/// Holds a job that says that it runs, and then runs until this is let go or dropped.
pub(crate) struct Latch {
    running: Receiver<()>,
    _go: Sender<()>,
}

impl Latch {
    pub(crate) fn new() -> (Self, Job) {
        let (said, running) = channel();
        let (go, told) = channel::<()>();
        let job = Job::new(move || {
            let _ = said.send(());
            let _ = told.recv();
        });
        (Self { running, _go: go }, job)
    }

    pub(crate) fn wait_until_running(&self, timeout: Duration) -> bool {
        self.running.recv_timeout(timeout).is_ok()
    }

    pub(crate) fn release(self) {}
}

/// What became of each of a number of jobs, whatever the pool's figures say.
#[derive(Clone)]
pub(crate) struct TrackedJobs(Arc<Vec<JobCounts>>);

#[derive(Default)]
struct JobCounts {
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

/// Lives in a job; tells when that is dropped without having run.
struct Token {
    tracked: TrackedJobs,
    job: usize,
    ran: bool,
}

impl TrackedJobs {
    pub(crate) fn new(jobs: usize) -> Self {
        Self(Arc::new((0..jobs).map(|_| JobCounts::default()).collect()))
    }

    /// The job of that number.
    pub(crate) fn job(&self, number: usize) -> Job {
        self.job_with(number, || {})
    }

    /// The job of that number, which does some more.
    pub(crate) fn job_with(&self, number: usize, work: impl FnOnce() + Send + 'static) -> Job {
        let mut token = Token {
            tracked: self.clone(),
            job: number,
            ran: false,
        };
        Job::new(move || {
            token.ran = true;
            work();
            token.tracked.0[token.job]
                .ran
                .fetch_add(1, Ordering::SeqCst);
        })
    }

    /// How often a job ran to its end.
    pub(crate) fn runs(&self, number: usize) -> usize {
        self.0[number].ran.load(Ordering::SeqCst)
    }

    /// How often a job was dropped token.
    pub(crate) fn drops(&self, number: usize) -> usize {
        self.0[number].dropped.load(Ordering::SeqCst)
    }

    /// How many runs there were.
    pub(crate) fn total_runs(&self) -> usize {
        (0..self.0.len()).map(|number| self.runs(number)).sum()
    }

    /// How many jobs were dropped token.
    pub(crate) fn total_drops(&self) -> usize {
        (0..self.0.len()).map(|number| self.drops(number)).sum()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.ran {
            let fate = &self.tracked.0[self.job];
            fate.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Sends when it is dropped.
struct SendOnDrop(Sender<()>);

impl Drop for SendOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Sends when the calling thread ends.
pub(crate) fn send_on_thread_end(said: Sender<()>) {
    thread_local! {
        static LAST: RefCell<Vec<SendOnDrop>> = const { RefCell::new(Vec::new()) };
    }
    LAST.with(|last| last.borrow_mut().push(SendOnDrop(said)));
}

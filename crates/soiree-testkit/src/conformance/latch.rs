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

    pub(crate) fn wait_running(&self, patience: Duration) -> bool {
        self.running.recv_timeout(patience).is_ok()
    }

    pub(crate) fn let_go(self) {}
}

/// What became of each of a number of jobs, whatever the pool's figures say.
#[derive(Clone)]
pub(crate) struct Fates(Arc<Vec<Fate>>);

#[derive(Default)]
struct Fate {
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

/// Lives in a job; tells when that is dropped without having run.
struct Unrun {
    fates: Fates,
    job: usize,
    ran: bool,
}

impl Fates {
    pub(crate) fn new(jobs: usize) -> Self {
        Self(Arc::new((0..jobs).map(|_| Fate::default()).collect()))
    }

    /// The job of that number.
    pub(crate) fn job(&self, number: usize) -> Job {
        self.job_that(number, || {})
    }

    /// The job of that number, which does some more.
    pub(crate) fn job_that(&self, number: usize, work: impl FnOnce() + Send + 'static) -> Job {
        let mut unrun = Unrun {
            fates: self.clone(),
            job: number,
            ran: false,
        };
        Job::new(move || {
            unrun.ran = true;
            work();
            unrun.fates.0[unrun.job].ran.fetch_add(1, Ordering::SeqCst);
        })
    }

    /// How often a job ran to its end.
    pub(crate) fn ran(&self, number: usize) -> usize {
        self.0[number].ran.load(Ordering::SeqCst)
    }

    /// How often a job was dropped unrun.
    pub(crate) fn dropped(&self, number: usize) -> usize {
        self.0[number].dropped.load(Ordering::SeqCst)
    }

    /// How many runs there were.
    pub(crate) fn all_ran(&self) -> usize {
        (0..self.0.len()).map(|number| self.ran(number)).sum()
    }

    /// How many jobs were dropped unrun.
    pub(crate) fn all_dropped(&self) -> usize {
        (0..self.0.len()).map(|number| self.dropped(number)).sum()
    }
}

impl Drop for Unrun {
    fn drop(&mut self) {
        if !self.ran {
            let fate = &self.fates.0[self.job];
            fate.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Sends when it is dropped.
struct Last(Sender<()>);

impl Drop for Last {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Sends when the calling thread ends.
pub(crate) fn on_thread_end(said: Sender<()>) {
    thread_local! {
        static LAST: RefCell<Vec<Last>> = const { RefCell::new(Vec::new()) };
    }
    LAST.with(|last| last.borrow_mut().push(Last(said)));
}

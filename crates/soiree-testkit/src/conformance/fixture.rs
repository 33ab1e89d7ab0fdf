//! What the cases are written with: a pool that is watched, waiting with an end to it, threads that may be left behind.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Job, Pool};

use super::latch::Latch;
use super::settle;
use super::spec::PoolSpec;
use super::subject::Subject;
use super::watch::{Watch, message};

pub(crate) type Factory = dyn Fn(PoolSpec) -> Arc<dyn Pool> + Send + Sync;

/// Everything a case gets.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) factory: Arc<Factory>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) patience: Duration,
}

/// A thread that helps a case, and that a failing case leaves behind.
pub(crate) struct Helper<T> {
    fixture: Fixture,
    what: &'static str,
    ended: Receiver<Result<T, String>>,
    task: Option<settle::Task>,
}

impl Fixture {
    pub(crate) fn pool(&self, max_workers: usize, capacity: usize) -> Subject {
        self.build(PoolSpec::new(max_workers, capacity))
    }

    pub(crate) fn build(&self, spec: PoolSpec) -> Subject {
        Subject::new((self.factory)(spec), Arc::clone(&self.watch))
    }

    /// Ends the case. `message` goes on after "does not hold: ".
    pub(crate) fn fail(&self, message: &str) -> ! {
        self.watch.blame(message);
        // Without the panic hook: whoever runs the case says what is to be said.
        resume_unwind(Box::new(message.to_owned()));
    }

    pub(crate) fn check(&self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.fail(&message());
        }
    }

    /// Waits until the condition holds.
    pub(crate) fn until(&self, pool: &Subject, what: &str, mut holds: impl FnMut() -> bool) {
        let give_up = Instant::now() + self.patience;
        for look in 0.. {
            if holds() {
                return;
            }
            if Instant::now() > give_up {
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
    pub(crate) fn receive<T>(&self, what: &str, receiver: &Receiver<T>) -> T {
        match receiver.recv_timeout(self.patience) {
            Ok(value) => value,
            Err(_) => self.fail(&format!("waited in vain until {what}")),
        }
    }

    /// Starts a thread and returns when it runs.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Helper<T> {
        let (said, ended) = channel();
        let (begun, begins) = channel();
        let thread = thread::Builder::new().name(what.into());
        let spawned = thread.spawn(move || {
            let _ = begun.send(settle::this_task());
            let result = catch_unwind(AssertUnwindSafe(work));
            let _ = said.send(result.map_err(message));
        });
        if let Err(error) = spawned {
            self.fail(&format!("{what}: no thread could be started: {error}"));
        }
        Helper {
            fixture: self.clone(),
            what,
            ended,
            task: self.receive(what, &begins),
        }
    }

    /// Hands over a job; waits for a place even if the pool refuses when it is full.
    pub(crate) fn accept(&self, pool: &Subject, job: impl Into<Job>) {
        if let Err(message) = pool.insist(job.into(), self.patience) {
            self.fail(&message);
        }
    }

    /// Keeps one worker busy; returns when the job runs.
    pub(crate) fn hold(&self, pool: &Subject) -> Latch {
        let (latch, job) = Latch::new();
        self.accept(pool, job);
        self.runs(pool, &latch);
        latch
    }

    /// Keeps so many workers busy.
    pub(crate) fn hold_all(&self, pool: &Subject, workers: usize) -> Vec<Latch> {
        (0..workers).map(|_| self.hold(pool)).collect()
    }

    /// Waits until the latch's job runs.
    pub(crate) fn runs(&self, pool: &Subject, latch: &Latch) {
        if !latch.wait_running(self.patience) {
            let stats = pool.stats();
            self.fail(&format!(
                "waited in vain for a job to start, though a worker should be free for it; {stats:?}"
            ));
        }
    }

    /// Fills the queue of a pool whose workers are all busy; says how many jobs that took.
    pub(crate) fn fill(&self, pool: &Subject, capacity: usize) -> usize {
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

impl<T> Helper<T> {
    /// Waits for what the thread returns. Its panic is the case's.
    pub(crate) fn join(self) -> T {
        match self.ended.recv_timeout(self.fixture.patience) {
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
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.try_recv().is_ok()
    }

    /// Waits until the thread blocks, where that can be seen; a while elsewhere.
    pub(crate) fn settle(&self) {
        settle::until_blocked(self.task.as_ref());
    }
}

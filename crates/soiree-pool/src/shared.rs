//! What a pool's handle and its workers share.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use soiree_core::{Entered, Gate, Job, JobOutcome, Nesting, Overflow, PanicPayload, PoolStats};

use crate::counters::{Counters, End};
use crate::strategy::Strategy;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, Monitor, Mutex, Ordering, Receiver, Sender};

/// Takes jobs.
pub(crate) const OPEN: u8 = 0;
/// Takes none, and runs those it has.
pub(crate) const DRAINING: u8 = 1;
/// Takes none, and discards those it has.
pub(crate) const STOPPING: u8 = 2;

/// A worker may exist.
pub(crate) struct Permit;
/// Something changed that a worker without a job should look at.
pub(crate) struct Look;
/// Never sent: its channel only ever disconnects.
pub(crate) enum Never {}

pub(crate) type PanicHandler = Box<dyn Fn(&PanicPayload) + Send + Sync>;
pub(crate) type Spawn =
    Box<dyn Fn(thread::Builder, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) name: Box<str>,
    pub(crate) capacity: usize,
    pub(crate) min_workers: usize,
    pub(crate) max_workers: AtomicUsize,
    pub(crate) idle_timeout: Duration,
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) overflow: Overflow,
    pub(crate) panic_handler: Option<PanicHandler>,
    pub(crate) spawn: Spawn,

    /// Channel one: the queue.
    pub(crate) jobs: (Sender<Job>, Receiver<Job>),
    /// Channel two: a permit for each worker that may yet be started.
    pub(crate) permits: (Sender<Permit>, Receiver<Permit>),
    /// Jobs given back by workers that had taken them when they were to leave.
    pub(crate) returned: (Sender<Job>, Receiver<Job>),
    pub(crate) looks: (Sender<Look>, Receiver<Look>),
    /// Disconnects to wake submitters that wait.
    pub(crate) closing: (Mutex<Option<Sender<Never>>>, Receiver<Never>),

    /// Which threads are inside its jobs.
    pub(crate) nesting: Nesting,
    /// Around each attempt to queue a job, never around user code.
    pub(crate) gate: Gate,
    pub(crate) state: AtomicU8,
    /// Workers, and threads that are about to start one.
    pub(crate) live: AtomicUsize,
    /// As `live`, and those that are just coming or leaving: `live` may touch 0 while there is work, this does not.
    pub(crate) seated: AtomicUsize,
    pub(crate) idle: AtomicUsize,
    /// Workers that are to leave since the limit was lowered.
    pub(crate) excess: AtomicUsize,
    /// Submitters that wait for a place.
    pub(crate) blocked: AtomicUsize,
    pub(crate) started: AtomicU64,
    pub(crate) counters: Counters,
    pub(crate) resizing: Mutex<()>,
    /// Workers that wait in a release of their own pool. Notified when that changes, and when a worker has left.
    pub(crate) releasing: Monitor<usize>,
}

impl Shared {
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    pub(crate) fn state(&self) -> u8 {
        self.state.load(Ordering::SeqCst)
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.jobs.1.is_empty()
            || !self.returned.1.is_empty()
            || self.blocked.load(Ordering::SeqCst) > 0
    }

    /// Runs a job on this thread that was counted as begun elsewhere than on a worker.
    pub(crate) fn run_begun_elsewhere(&self, job: Job, _entered: Entered) -> JobOutcome {
        let outcome = job.run();
        self.counters.end_elsewhere(End::from(&outcome));
        self.tell_panic(&outcome);
        outcome
    }

    pub(crate) fn tell_panic(&self, outcome: &JobOutcome) {
        let JobOutcome::Panicked(payload) = outcome else {
            return;
        };
        let Some(handler) = &self.panic_handler else {
            return;
        };
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| handler(payload))) {
            drop(PanicPayload::new(second));
        }
    }

    /// Drops what is queued.
    pub(crate) fn discard_queued(&self) {
        loop {
            let job = self
                .returned
                .1
                .try_recv()
                .or_else(|_| self.jobs.1.try_recv());
            let Ok(job) = job else { return };
            self.discard(job);
        }
    }

    pub(crate) fn discard(&self, job: Job) {
        self.counters.begin_elsewhere();
        self.counters.end_elsewhere(End::Discarded);
        drop(job);
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let live = self.live();
        let max_workers = self.max_workers.load(Ordering::Relaxed);
        let mut stats = self.counters.read(self.capacity, live);
        stats.running = live;
        stats.idle = self.idle.load(Ordering::SeqCst).min(live);
        stats.capacity = self.capacity;
        stats.max_workers = max_workers;
        stats.min_workers = self.min_workers;
        stats
    }
}

//! What a pool's handle and its workers share.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use soiree_core::{Gate, Job, JobOutcome, PanicPayload, PoolStats};

use crate::builder::Overflow;
use crate::counters::{Counters, End};
use crate::inside;
use crate::strategy::{Load, Strategy};
use crate::sync::{
    Arc, AtomicU8, AtomicU64, AtomicUsize, Condvar, Mutex, Ordering, Receiver, Sender, fence, lock,
};
use crate::worker;

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

    /// Around each attempt to queue a job, never around user code.
    pub(crate) gate: Gate,
    pub(crate) state: AtomicU8,
    pub(crate) live: AtomicUsize,
    pub(crate) idle: AtomicUsize,
    /// Workers that are to leave since the limit was lowered.
    pub(crate) excess: AtomicUsize,
    /// Submitters that wait for a place.
    pub(crate) blocked: AtomicUsize,
    pub(crate) started: AtomicU64,
    pub(crate) counters: Counters,
    pub(crate) resizing: Mutex<()>,
    /// Workers that wait in a release of their own pool.
    pub(crate) releasing: Mutex<usize>,
    pub(crate) left: Condvar,
}

impl Shared {
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

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

    /// Starts a worker, with a job to begin with or without.
    pub(crate) fn start_worker(
        self: &Arc<Self>,
        permit: Permit,
        first: Option<Job>,
    ) -> Result<(), (io::Error, Option<Job>)> {
        self.live.fetch_add(1, Ordering::SeqCst);
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        let first = Arc::new(Mutex::new(first));
        let body: Box<dyn FnOnce() + Send> = {
            let (shared, first) = (Arc::clone(self), Arc::clone(&first));
            Box::new(move || {
                let first = lock(&first).take();
                worker::work(&shared, first);
            })
        };
        let spawned = catch_unwind(AssertUnwindSafe(|| (self.spawn)(builder, body)))
            .unwrap_or_else(|_| Err(io::Error::other("the spawn handler panicked")));
        spawned.map_err(|error| {
            self.live.fetch_sub(1, Ordering::SeqCst);
            self.give_permit(permit);
            self.notify_left();
            let first = lock(&first).take();
            (error, first)
        })
    }

    /// Starts a worker if the strategy wants one and the limit allows it.
    pub(crate) fn grow_if_wanted(self: &Arc<Self>) {
        if self.permits.1.is_empty() || self.state() == STOPPING {
            return;
        }
        let load = Load {
            workers: self.live(),
            idle: self.idle.load(Ordering::SeqCst),
            waiting: self.jobs.1.len(),
            max_workers: self.max_workers.load(Ordering::Relaxed),
            capacity: self.capacity,
        };
        let wanted = || load.waiting > 0 && self.strategy.grow(&load);
        if !catch_unwind(AssertUnwindSafe(wanted)).unwrap_or(false) {
            return;
        }
        if let Ok(permit) = self.permits.1.try_recv() {
            if self.start_worker(permit, None).is_err() {
                self.run_stranded();
            }
        }
    }

    /// Runs queued jobs on this thread while there is no worker to do it.
    ///
    /// Only after a failure to start a thread: others may have queued jobs in the belief that there would be a worker.
    #[cold]
    pub(crate) fn run_stranded(&self) {
        while self.live() == 0 && self.state() != STOPPING {
            let job = self
                .returned
                .1
                .try_recv()
                .or_else(|_| self.jobs.1.try_recv());
            let Ok(job) = job else { return };
            self.counters.begin_elsewhere();
            self.run_begun_elsewhere(job);
        }
    }

    /// Accepts a job and runs it on this thread.
    pub(crate) fn run_inline(&self, job: Job) -> JobOutcome {
        self.counters.begin_elsewhere();
        self.counters.accept();
        self.run_begun_elsewhere(job)
    }

    fn run_begun_elsewhere(&self, job: Job) -> JobOutcome {
        let _entered = inside::enter(self.address());
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

    /// Drops what is queued, and says how many jobs that was.
    pub(crate) fn discard_queued(&self) -> usize {
        let mut discarded = 0;
        loop {
            let job = self
                .returned
                .1
                .try_recv()
                .or_else(|_| self.jobs.1.try_recv());
            let Ok(job) = job else { return discarded };
            discarded += 1;
            self.discard(job);
        }
    }

    pub(crate) fn discard(&self, job: Job) {
        self.counters.begin_elsewhere();
        self.counters.end_elsewhere(End::Discarded);
        drop(job);
    }

    pub(crate) fn give_permit(&self, permit: Permit) {
        // The channel is unbounded and lives as long as `self`: sending cannot fail.
        let _ = self.permits.0.send(permit);
    }

    /// Lets the calling worker go, unless there is work that nobody else might see. Says whether it is to go.
    ///
    /// A submitter queues first and then looks whether there is a worker; this counts the worker out first and then looks
    /// whether there is work. One of the two sees the other.
    pub(crate) fn depart(&self, permit: Option<Permit>) -> bool {
        self.live.fetch_sub(1, Ordering::SeqCst);
        self.departed(permit)
    }

    /// As [`depart`](Self::depart), but keeps the least number of workers.
    pub(crate) fn depart_if_above_min(&self) -> bool {
        let less = |live: usize| (live > self.min_workers).then(|| live - 1);
        let counted = self
            .live
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        counted.is_ok() && self.departed(Some(Permit))
    }

    fn departed(&self, permit: Option<Permit>) -> bool {
        if let Some(permit) = permit {
            self.give_permit(permit);
        }
        fence(Ordering::SeqCst);
        // Without a permit to be had, another worker has been started in place of this one.
        if self.has_work() && self.permits.1.try_recv().is_ok() {
            self.live.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        self.notify_left();
        true
    }

    fn notify_left(&self) {
        drop(lock(&self.releasing));
        self.left.notify_all();
    }

    /// Takes one from the number of workers that are to leave.
    pub(crate) fn claim_excess(&self) -> bool {
        let one_less = |excess: usize| excess.checked_sub(1);
        self.excess.load(Ordering::SeqCst) > 0
            && self
                .excess
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
                .is_ok()
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

//! Who may be a worker: taking and leaving the seats that the permits stand for.
//!
//! `live` counts the seats that are taken: those of workers, and of threads that are about to start one. So long as it is
//! above 0, somebody answers for what is queued: a worker runs it; a starter starts a worker, or stands in for it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use soiree_core::Job;

use crate::shared::{Permit, STOPPING, Shared};
use crate::strategy::Load;
use crate::sync::{Arc, Mutex, Ordering, fence, lock, yield_now};
use crate::worker;

/// The right to be a worker, and the duty to answer for what is queued.
#[must_use]
pub(crate) struct Seat {
    /// Whether there were no others as it was taken.
    pub(crate) first: bool,
}

/// A worker was not started; its job comes back.
pub(crate) struct NotStarted {
    pub(crate) error: io::Error,
    pub(crate) job: Option<Job>,
}

impl Shared {
    /// Takes a seat if the limit allows. Only inside the gate: a release would not wait for a seat that is taken later.
    pub(crate) fn take_seat(&self) -> Option<Seat> {
        self.permits.1.try_recv().ok()?;
        self.seated.fetch_add(1, Ordering::SeqCst);
        let before = self.live.fetch_add(1, Ordering::SeqCst);
        Some(Seat { first: before == 0 })
    }

    /// Takes a seat beside others, if the limit allows. When there are no others, nothing is queued.
    pub(crate) fn take_seat_beside(&self) -> Option<Seat> {
        self.seated.fetch_add(1, Ordering::SeqCst);
        if self.permits.1.try_recv().is_err() {
            self.unseat();
            return None;
        }
        let beside = |live: usize| (live > 0).then_some(live + 1);
        let others = self
            .live
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, beside)
            .is_ok();
        // Whoever found no permit may have relied on the thread that had it, so it leaves as a worker would.
        (others || !self.departed(Some(Permit))).then_some(Seat { first: false })
    }

    /// Starts a worker, with a job to begin with or without. Never inside the gate: the spawn handler is user code.
    ///
    /// If it fails, this returns when others answer for what is queued, or nothing is.
    pub(crate) fn start_worker(
        self: &Arc<Self>,
        seat: Seat,
        job: Option<Job>,
    ) -> Result<(), NotStarted> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let builder = thread::Builder::new().name(format!("{}-{number}", self.name));
        // The thread and this function cannot both have the seat, whatever the handler did and says that it did.
        let handover = Arc::new(Mutex::new(Some((seat, job))));
        let body: Box<dyn FnOnce() + Send> = {
            let (shared, handover) = (Arc::clone(self), Arc::clone(&handover));
            Box::new(move || {
                let taken = lock(&handover).take();
                if let Some((seat, job)) = taken {
                    worker::work(&shared, seat, job);
                }
            })
        };
        let spawned = catch_unwind(AssertUnwindSafe(|| (self.spawn)(builder, body)))
            .unwrap_or_else(|_| Err(io::Error::other("the spawn handler panicked")));
        let Err(error) = spawned else { return Ok(()) };
        let taken = lock(&handover).take();
        match taken {
            None => Ok(()),
            Some((seat, job)) => {
                self.stand_in(seat);
                Err(NotStarted { error, job })
            }
        }
    }

    /// Does a worker's work on this thread until there is another worker, or no work.
    #[cold]
    fn stand_in(&self, _seat: Seat) {
        loop {
            if self.leave_to_others() {
                return;
            }
            let job = self
                .returned
                .1
                .try_recv()
                .or_else(|_| self.jobs.1.try_recv());
            match job {
                Ok(job) if self.state() == STOPPING => self.discard(job),
                Ok(job) => {
                    self.counters.begin_elsewhere();
                    drop(self.run_begun_elsewhere(job, self.nesting.enter_worker()));
                }
                Err(_) if self.depart(Some(Permit)) => return,
                Err(_) => yield_now(),
            }
        }
    }

    fn leave_to_others(&self) -> bool {
        let beside = |live: usize| (live > 1).then(|| live - 1);
        let left = self
            .live
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, beside)
            .is_ok();
        if left {
            self.give_permit(Permit);
            self.unseat();
        }
        left
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
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Ok(true) => {
                if let Some(seat) = self.take_seat_beside() {
                    // A smaller pool is what is left if it fails.
                    let _ = self.start_worker(seat, None);
                }
            }
            Ok(false) => {}
            Err(payload) => drop(soiree_core::PanicPayload::new(payload)),
        }
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
        // Without a permit to be had, another thread has taken a seat in place of this one.
        if self.has_work() && self.permits.1.try_recv().is_ok() {
            self.live.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        self.unseat();
        true
    }

    /// Gives a seat up for good.
    fn unseat(&self) {
        self.seated.fetch_sub(1, Ordering::SeqCst);
        drop(self.releasing.lock());
        self.releasing.notify_all();
    }

    /// Whether the calling worker is to leave because the limit was lowered.
    pub(crate) fn must_leave(&self) -> bool {
        // With a permit to be had, there is no need for anyone to leave.
        self.claim_excess() && self.permits.1.try_recv().is_err()
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
}

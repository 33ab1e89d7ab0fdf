//! How a job gets into the queue, and what happens when there is no place.

use std::time::{Duration, Instant};

use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::seats::{NotStarted, Seat};
use crate::shared::Shared;
use crate::sync::{Arc, Ordering, Select, TrySendError, fence, yield_now};

/// How long to wait for a place.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Instant, Duration),
    Endless,
}

/// What became of an attempt to submit.
enum Offer {
    Accepted,
    Full(Job),
    Refused(Job, Reason),
}

/// What to do after one look at the queue, when the gate has been left.
enum Step {
    /// The job is queued. With a seat, there was no worker left to run it.
    Queued(Option<Seat>),
    /// Starts a worker, and then tries again.
    Start(Seat, Job),
    /// Starts a worker with this job.
    StartWith(Seat, Job),
    Again(Job),
    NoWorker(Job),
    Full(Job),
    Refused(Job, Reason),
}

impl Shared {
    /// Submits as the overflow policy says.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let inside = self.nesting.depth() > 0;
        let patience = match self.overflow {
            Overflow::Block if !inside => Patience::Endless,
            Overflow::BlockFor(timeout) if !inside => match Instant::now().checked_add(timeout) {
                Some(deadline) => Patience::Until(deadline, timeout),
                None => Patience::Endless,
            },
            _ => Patience::None,
        };
        let run_inline = inside || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, patience, run_inline)
    }

    /// Submits as the overflow policy says, where it does not say to wait.
    pub(crate) fn submit_now(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let run_inline = self.nesting.depth() > 0 || self.overflow == Overflow::CallerRuns;
        self.submit_with(job, Patience::None, run_inline)
    }

    /// Submits if there is a place right now, or can be made.
    pub(crate) fn try_submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        self.submit_with(job, Patience::None, false)
    }

    fn submit_with(
        self: &Arc<Self>,
        job: Job,
        patience: Patience,
        run_inline: bool,
    ) -> Result<(), SubmitError> {
        let job = match self.attempt(job, patience) {
            Offer::Accepted => return Ok(()),
            Offer::Refused(job, reason) => return Err(self.refuse(job, reason)),
            Offer::Full(job) => job,
        };
        match self.overflow {
            Overflow::DropOldest => self.submit_in_place_of_oldest(job),
            Overflow::Block | Overflow::BlockFor(_) | Overflow::CallerRuns if run_inline => {
                self.submit_inline(job).map(drop)
            }
            _ => {
                let capacity = self.capacity;
                Err(self.refuse(job, Reason::Full { capacity }))
            }
        }
    }

    /// Runs the job on this thread, if not too many run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(entered) = self.nesting.enter_inline() else {
            let depth = self.nesting.depth();
            return Err(self.refuse(job, Reason::TooDeep { depth }));
        };
        if !self.gate.enter() {
            return Err(self.refuse(job, Reason::Closed));
        }
        self.counters.begin_elsewhere();
        self.counters.accept();
        self.gate.leave();
        Ok(self.run_begun_elsewhere(job, entered))
    }

    fn submit_in_place_of_oldest(self: &Arc<Self>, mut job: Job) -> Result<(), SubmitError> {
        if self.capacity == 0 {
            return Err(self.refuse(job, Reason::Full { capacity: 0 }));
        }
        let mut oldest = None;
        loop {
            // Both in one passage of the gate, so that a pool which closes loses no job to one that it then refuses.
            if !self.gate.enter() {
                return Err(self.refuse(job, Reason::Closed));
            }
            let mut sent = self.jobs.0.try_send(job);
            if let Err(TrySendError::Full(unsent)) = sent {
                oldest = self.jobs.1.try_recv().ok();
                sent = self.jobs.0.try_send(unsent);
            }
            let seat = sent.is_ok().then(|| self.queued());
            self.gate.leave();
            if let Some(oldest) = oldest.take() {
                self.discard(oldest);
            }
            match (sent, seat) {
                (Err(unsent), _) => job = unsent.into_inner(),
                (Ok(()), seat) => {
                    self.after_queued(seat.flatten());
                    return Ok(());
                }
            }
        }
    }

    fn refuse(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.reject();
        SubmitError::new(job, reason)
    }

    fn attempt(self: &Arc<Self>, mut job: Job, patience: Patience) -> Offer {
        let mut spawn_failed = None;
        loop {
            if !self.gate.enter() {
                return Offer::Refused(job, Reason::Closed);
            }
            let step = self.step(job, patience, spawn_failed.is_some());
            self.gate.leave();
            job = match step {
                Step::Queued(seat) => {
                    self.after_queued(seat);
                    return Offer::Accepted;
                }
                Step::Full(job) => return Offer::Full(job),
                Step::Refused(job, reason) => return Offer::Refused(job, reason),
                Step::NoWorker(job) => match spawn_failed.take() {
                    Some(error) => return Offer::Refused(job, Reason::Spawn(error)),
                    None => job,
                },
                Step::Again(job) => {
                    yield_now();
                    job
                }
                Step::Start(seat, job) => {
                    if let Err(NotStarted { error, .. }) = self.start_worker(seat, None) {
                        spawn_failed = Some(error);
                    }
                    job
                }
                Step::StartWith(seat, job) => match self.start_worker(seat, Some(job)) {
                    Err(NotStarted {
                        error,
                        job: Some(job),
                    }) => {
                        spawn_failed = Some(error);
                        job
                    }
                    _ => {
                        self.counters.accept();
                        return Offer::Accepted;
                    }
                },
            };
        }
    }

    /// Looks at the queue once. Called inside the gate, so it calls no user code.
    fn step(&self, mut job: Job, patience: Patience, spawn_failed: bool) -> Step {
        if self.live() == 0 && spawn_failed {
            return Step::NoWorker(job);
        }
        if self.capacity > 0 && self.live() == 0 {
            if let Some(seat) = self.take_seat() {
                return Step::Start(seat, job);
            }
        }
        job = match self.jobs.0.try_send(job) {
            Ok(()) => return Step::Queued(self.queued()),
            Err(unsent) => unsent.into_inner(),
        };
        if !spawn_failed {
            if let Some(seat) = self.take_seat() {
                // With no other worker, the queued jobs come first: a pool of one worker keeps their order.
                return if self.capacity > 0 && seat.first {
                    Step::Start(seat, job)
                } else {
                    Step::StartWith(seat, job)
                };
            }
        }
        if let Patience::None = patience {
            return Step::Full(job);
        }
        self.blocked.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let may_start = !spawn_failed && !self.permits.1.is_empty();
        if self.live() == 0 || may_start {
            self.blocked.fetch_sub(1, Ordering::SeqCst);
            return Step::Again(job);
        }
        let waited = self.wait_for_place(job, patience);
        self.blocked.fetch_sub(1, Ordering::SeqCst);
        match waited {
            Ok(()) => Step::Queued(self.queued()),
            Err((job, reason)) => Step::Refused(job, reason),
        }
    }

    fn wait_for_place(&self, job: Job, patience: Patience) -> Result<(), (Job, Reason)> {
        let mut select = Select::new();
        let send = select.send(&self.jobs.0);
        select.recv(&self.closing.1);
        let ready = match patience {
            Patience::Until(deadline, waited) => match select.select_deadline(deadline) {
                Ok(ready) => ready,
                Err(_) => return Err((job, Reason::TimedOut { waited })),
            },
            _ => select.select(),
        };
        if ready.index() == send {
            return ready
                .send(&self.jobs.0, job)
                .map_err(|unsent| (unsent.0, Reason::Closed));
        }
        // Only ever disconnects.
        let _ = ready.recv(&self.closing.1);
        Err((job, Reason::Closed))
    }

    /// Counts a job that was queued. Takes a seat if there is no worker for it; without a permit to be had, one is just
    /// leaving, and will see the job.
    fn queued(&self) -> Option<Seat> {
        self.counters.accept();
        fence(Ordering::SeqCst);
        if self.live() > 0 {
            return None;
        }
        self.take_seat()
    }

    fn after_queued(self: &Arc<Self>, seat: Option<Seat>) {
        if let Some(seat) = seat {
            // If it fails, the job has run on this thread, or somebody else will run it.
            let _ = self.start_worker(seat, None);
        }
        self.grow_if_wanted();
    }
}

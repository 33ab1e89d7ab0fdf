//! How a job gets into the queue, and what happens when there is no place.

use std::time::{Duration, Instant};

use soiree_core::{Job, JobOutcome, SubmitError, SubmitErrorReason as Reason};

use crate::builder::Overflow;
use crate::inside;
use crate::shared::Shared;
use crate::sync::{Arc, Ordering, Select, TrySendError, fence};

/// Jobs of one pool that may run inline inside one another on one thread.
pub const MAX_INLINE_DEPTH: usize = 16;

/// How long to wait for a place.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Instant, Duration),
    Endless,
}

/// What became of one attempt.
enum Offer {
    Accepted,
    Full(Job),
    Refused(Job, Reason),
}

impl Shared {
    /// Submits as the overflow policy says.
    pub(crate) fn submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        let depth = inside::depth(self.address());
        let patience = match self.overflow {
            Overflow::Block if depth == 0 => Patience::Endless,
            Overflow::BlockFor(timeout) if depth == 0 => {
                match Instant::now().checked_add(timeout) {
                    Some(deadline) => Patience::Until(deadline, timeout),
                    None => Patience::Endless,
                }
            }
            _ => Patience::None,
        };
        let job = match self.attempt(job, patience) {
            Offer::Accepted => return Ok(()),
            Offer::Refused(job, reason) => return Err(self.refuse(job, reason)),
            Offer::Full(job) => job,
        };
        match self.overflow {
            Overflow::Reject => Err(self.refuse(
                job,
                Reason::Full {
                    capacity: self.capacity,
                },
            )),
            Overflow::DropOldest => self.submit_in_place_of_oldest(job),
            Overflow::Block | Overflow::BlockFor(_) | Overflow::CallerRuns => {
                self.submit_inline(job).map(drop)
            }
        }
    }

    /// Submits if there is a place right now.
    pub(crate) fn try_submit(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        match self.attempt(job, Patience::None) {
            Offer::Accepted => Ok(()),
            Offer::Refused(job, reason) => Err(self.refuse(job, reason)),
            Offer::Full(job) => Err(self.refuse(
                job,
                Reason::Full {
                    capacity: self.capacity,
                },
            )),
        }
    }

    /// Runs the job on this thread, if not too many run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let depth = inside::depth(self.address());
        if depth > MAX_INLINE_DEPTH {
            return Err(self.refuse(job, Reason::TooDeep { depth }));
        }
        if !self.gate.enter() {
            return Err(self.refuse(job, Reason::Closed));
        }
        // Not held while the job runs: a close waits for attempts to queue, not for jobs.
        self.gate.leave();
        Ok(self.run_inline(job))
    }

    fn submit_in_place_of_oldest(self: &Arc<Self>, mut job: Job) -> Result<(), SubmitError> {
        loop {
            if self.capacity == 0 {
                return Err(self.refuse(job, Reason::Full { capacity: 0 }));
            }
            if let Ok(oldest) = self.jobs.1.try_recv() {
                self.discard(oldest);
            }
            job = match self.attempt(job, Patience::None) {
                Offer::Accepted => return Ok(()),
                Offer::Refused(job, reason) => return Err(self.refuse(job, reason)),
                Offer::Full(job) => job,
            };
        }
    }

    fn refuse(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.reject();
        SubmitError::new(job, reason)
    }

    fn attempt(self: &Arc<Self>, job: Job, patience: Patience) -> Offer {
        if !self.gate.enter() {
            return Offer::Refused(job, Reason::Closed);
        }
        let mut spawn_failed = None;
        let offer = self.offer(job, patience, &mut spawn_failed);
        self.gate.leave();
        if spawn_failed.is_some() {
            self.run_stranded();
        }
        if let Offer::Accepted = offer {
            self.grow_if_wanted();
        }
        offer
    }

    fn offer(
        self: &Arc<Self>,
        mut job: Job,
        patience: Patience,
        spawn_failed: &mut Option<std::io::Error>,
    ) -> Offer {
        loop {
            if self.capacity > 0 {
                self.ensure_worker(spawn_failed);
            }
            if self.live() == 0 {
                if let Some(error) = spawn_failed.take() {
                    return Offer::Refused(job, Reason::Spawn(error));
                }
            }
            job = match self.jobs.0.try_send(job) {
                Ok(()) => return self.accepted(spawn_failed),
                Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
            };
            if spawn_failed.is_none() {
                if let Ok(permit) = self.permits.1.try_recv() {
                    if self.capacity == 0 {
                        match self.start_worker(permit, Some(job)) {
                            Ok(()) => {
                                self.counters.accept();
                                return Offer::Accepted;
                            }
                            Err((error, first)) => {
                                *spawn_failed = Some(error);
                                // It was handed in a moment ago, and no thread has started to take it.
                                let Some(first) = first else {
                                    return Offer::Accepted;
                                };
                                job = first;
                            }
                        }
                    } else {
                        match self.start_worker(permit, None) {
                            Err((error, _)) => *spawn_failed = Some(error),
                            // The oldest job goes to the new worker, and this one gets its place.
                            Ok(()) => {
                                if let Ok(oldest) = self.jobs.1.try_recv() {
                                    let _ = self.returned.0.send(oldest);
                                }
                            }
                        }
                    }
                    continue;
                }
            }
            if let Patience::None = patience {
                return Offer::Full(job);
            }
            self.blocked.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            let may_start = spawn_failed.is_none() && !self.permits.1.is_empty();
            if self.live() == 0 || may_start {
                self.blocked.fetch_sub(1, Ordering::SeqCst);
                std::thread::yield_now();
                continue;
            }
            let waited = self.wait_for_place(job, patience);
            self.blocked.fetch_sub(1, Ordering::SeqCst);
            return match waited {
                Ok(()) => self.accepted(spawn_failed),
                Err((job, reason)) => Offer::Refused(job, reason),
            };
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

    /// Counts a job that was queued, and sees to it that there is a worker for it.
    fn accepted(self: &Arc<Self>, spawn_failed: &mut Option<std::io::Error>) -> Offer {
        self.counters.accept();
        fence(Ordering::SeqCst);
        self.ensure_worker(spawn_failed);
        Offer::Accepted
    }

    /// Starts a worker if there is none. Without a permit to be had, one is just leaving, and will see the job.
    fn ensure_worker(self: &Arc<Self>, spawn_failed: &mut Option<std::io::Error>) {
        if self.live() > 0 || spawn_failed.is_some() {
            return;
        }
        if let Ok(permit) = self.permits.1.try_recv() {
            if let Err((error, _)) = self.start_worker(permit, None) {
                *spawn_failed = Some(error);
            }
        }
    }
}

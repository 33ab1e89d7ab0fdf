//! How a job gets into the queue, and what happens when there is no place.

use std::io;
use std::time::{Duration, Instant};

use soiree_core::{Job, JobOutcome, Overflow, SubmitError, SubmitErrorReason as Reason};

use crate::shared::Shared;
use crate::state::{Phase, Seat, State};
use crate::sync::{Arc, Backoff, MutexGuard, wait, wait_until};

/// How long to wait for a place.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(Instant, Duration),
    Endless,
}

/// What to do about a job after a look at the state.
enum Step {
    /// It has a place.
    Place,
    /// A worker is to be started first.
    Start(Seat),
    /// There is neither a place nor a permit.
    Full,
    Rejected(Reason),
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
        let mut failed = None;
        let mut late = None;
        let backoff = Backoff::new();
        let mut state = self.lock();
        loop {
            match self.step(&mut state, &mut failed) {
                Step::Place => {
                    self.enqueue(state, job);
                    return Ok(());
                }
                Step::Start(seat) => {
                    drop(state);
                    failed = self.start_worker(seat).err();
                    state = self.lock();
                    continue;
                }
                Step::Rejected(reason) => {
                    drop(state);
                    return Err(self.refuse(job, reason));
                }
                Step::Full => {}
            }
            match (self.overflow, patience) {
                (Overflow::DropOldest, _) if self.capacity > 0 => {
                    let oldest = state.pop();
                    self.enqueue(state, job);
                    if let Some(oldest) = oldest {
                        self.discard(oldest);
                    }
                    return Ok(());
                }
                (Overflow::Reject | Overflow::DropOldest, _) | (_, Patience::None) => break,
                _ => {}
            }
            if let Some(waited) = late {
                drop(state);
                return Err(self.refuse(job, Reason::TimedOut { waited }));
            }
            if !backoff.is_completed() {
                drop(state);
                backoff.snooze();
                state = self.lock();
                continue;
            }
            (state, late) = self.wait_for_place(state, patience);
        }
        drop(state);
        if run_inline && !matches!(self.overflow, Overflow::Reject | Overflow::DropOldest) {
            return self.submit_inline(job).map(drop);
        }
        let capacity = self.capacity;
        Err(self.refuse(job, Reason::Full { capacity }))
    }

    fn step(&self, state: &mut State, failed: &mut Option<io::Error>) -> Step {
        if state.phase != Phase::Open {
            return Step::Rejected(Reason::Closed);
        }
        if state.live > 0 && state.has_room(self.capacity) {
            return Step::Place;
        }
        if failed.is_none() {
            if let Some(seat) = state.take_seat() {
                self.publish_all(state);
                return Step::Start(seat);
            }
        }
        match failed.take() {
            Some(error) if state.live == 0 => Step::Rejected(Reason::Spawn(error)),
            error => {
                *failed = error;
                Step::Full
            }
        }
    }

    /// Queues a job for which there is a place.
    fn enqueue(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        state.push(job);
        self.counters.accept();
        self.publish(&state);
        let load = (state.live < state.max_workers).then(|| state.load(self.capacity));
        self.unlock_and_tell(state);
        if let Some(load) = load {
            self.grow_if_wanted(&load);
        }
    }

    /// Waits until there may be a place, and says if it has waited for too long.
    fn wait_for_place<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        patience: Patience,
    ) -> (MutexGuard<'a, State>, Option<Duration>) {
        state.blocked += 1;
        let mut late = None;
        match patience {
            Patience::Until(deadline, waited) => {
                let timed_out;
                (state, timed_out) = wait_until(&self.state, &self.place, state, deadline);
                late = timed_out.then_some(waited);
            }
            _ => state = wait(&self.place, state),
        }
        state.blocked -= 1;
        (state, late)
    }

    /// Runs the job on this thread, if not too many run inside one another here.
    pub(crate) fn submit_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        let Some(entered) = self.nesting.enter_inline() else {
            let depth = self.nesting.depth();
            return Err(self.refuse(job, Reason::RecursionLimit { depth }));
        };
        let state = self.lock();
        if state.phase != Phase::Open {
            drop(state);
            return Err(self.refuse(job, Reason::Closed));
        }
        self.counters.accept();
        self.counters.begin_elsewhere();
        drop(state);
        Ok(self.run_begun_elsewhere(job, entered))
    }

    fn refuse(&self, job: Job, reason: Reason) -> SubmitError {
        self.counters.reject();
        SubmitError::new(job, reason)
    }
}

//! What waits for a place in the queue of the reference pool: jobs of blocked submitters, and requeued jobs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use soiree_core::{Job, JobId, SubmitError, SubmitErrorReason as Reason};

use crate::faults::Fault;
use crate::places::WaitingTask;
use crate::reference::Shared;
use crate::state::{Phase, State};

#[derive(Default)]
pub(crate) struct Line {
    waiters: VecDeque<Waiter>,
    last: u64,
}

struct Waiter {
    number: u64,
    waits: Waits,
    is_blocked: bool,
}

enum Waits {
    Job(Job),
    Task(Arc<WaitingTask>),
}

impl Waiter {
    fn job(&self) -> Option<&Job> {
        match &self.waits {
            Waits::Job(job) => Some(job),
            Waits::Task(_) => None,
        }
    }
}

impl Line {
    pub(crate) fn push(&mut self, job: Job, is_blocked: bool) -> u64 {
        self.add(Waits::Job(job), is_blocked)
    }

    pub(crate) fn push_task(&mut self, task: Arc<WaitingTask>) -> u64 {
        self.add(Waits::Task(task), true)
    }

    fn add(&mut self, waits: Waits, is_blocked: bool) -> u64 {
        self.last += 1;
        self.waiters.push_back(Waiter {
            number: self.last,
            waits,
            is_blocked,
        });
        self.last
    }

    pub(crate) fn remove_task(&mut self, number: u64) {
        self.waiters.retain(|waiter| waiter.number != number);
    }

    /// Removes the tasks, and wakes them.
    pub(crate) fn end_tasks(&mut self) {
        self.waiters.retain(|waiter| match &waiter.waits {
            Waits::Job(_) => true,
            Waits::Task(task) => {
                task.end_wait(false, false);
                false
            }
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        self.waiters.iter().any(|waiter| waiter.number == number)
    }

    pub(crate) fn count(&self, is_blocked: bool) -> usize {
        let waiters = self.waiters.iter();
        waiters
            .filter(|waiter| waiter.is_blocked == is_blocked)
            .count()
    }

    fn take(&mut self, is_it: impl Fn(&Waiter) -> bool) -> Option<Job> {
        let is_it = |waiter: &Waiter| waiter.job().is_some() && is_it(waiter);
        let index = self.waiters.iter().position(is_it)?;
        match self.waiters.remove(index)?.waits {
            Waits::Job(job) => Some(job),
            Waits::Task(_) => None,
        }
    }

    pub(crate) fn take_number(&mut self, number: u64) -> Option<Job> {
        self.take(|waiter| waiter.number == number)
    }

    pub(crate) fn take_first(&mut self) -> Option<Job> {
        self.take(|_| true)
    }

    /// Removes the requeued jobs.
    pub(crate) fn take_requeued(&mut self) -> Vec<Job> {
        std::iter::from_fn(|| self.take(|waiter| !waiter.is_blocked)).collect()
    }
}

impl Shared {
    /// Gives places to what waits for one.
    pub(crate) fn serve(&self, state: &mut State) {
        let is_served_last = self.has(Fault::LetsNewJobsOvertakeWaiters);
        if state.phase != Phase::Open && self.has(Fault::ForgetsRequeuedWorkInARelease) {
            return;
        }
        while state.live > 0
            && state.queue.len() + self.reserved(state) < state.free() + self.capacity()
        {
            if is_served_last && !state.queue.is_empty() {
                return;
            }
            // What blocks is rejected when the pool has closed.
            let closed = state.phase != Phase::Open && !self.accepts_although_closed(state);
            let mut waiters = state.line.waiters.iter();
            let is_full = state.queue.len() + state.reserved >= self.capacity();
            let passes_tasks = is_full && self.has(Fault::GivesTasksNoWorkers);
            let is_next = |waiter: &Waiter| {
                !(closed && waiter.is_blocked || passes_tasks && waiter.job().is_none())
            };
            let index = match self.fault {
                Fault::ServesTasksLast => {
                    let first =
                        waiters.position(|waiter| is_next(waiter) && waiter.job().is_some());
                    first.or_else(|| state.line.waiters.iter().position(is_next))
                }
                Fault::ServesTheLastWaiterFirst => waiters.rposition(is_next),
                Fault::ServesBlockedSubmittersFirst => {
                    let first = waiters.position(|waiter| waiter.is_blocked && !closed);
                    first.or_else(|| state.line.waiters.iter().position(is_next))
                }
                _ => waiters.position(is_next),
            };
            let Some(waiter) = index.and_then(|index| state.line.waiters.remove(index)) else {
                return;
            };
            match waiter.waits {
                Waits::Job(job) => self.accept(state, job),
                Waits::Task(task) => self.grant(state, &task),
            }
        }
    }

    pub(crate) fn requeue(self: &Arc<Self>, job: Job) -> Result<(), SubmitError> {
        match self.fault {
            Fault::RejectsRequeuedWorkWhenFull => return self.submit(job, false),
            Fault::BlocksInARequeue => return self.submit(job, true),
            Fault::LosesRequeuedWork => return Ok(()),
            _ => {}
        }
        let mut state = self.lock();
        if state.phase != Phase::Open && !self.has(Fault::AcceptsRequeuedWorkWhenClosed) {
            return Err(self.reject(state, job, Reason::Closed));
        }
        let number = state.line.push(job, false);
        if self.has(Fault::CountsRequeuedWorkAsSubmittedTwice) {
            state.submitted += 1;
        }
        self.serve(&mut state);
        while self.wants_worker(&state, usize::from(state.line.contains(number))) {
            drop(state);
            let failed = self.start().err();
            state = self.lock();
            let Some(error) = failed else { continue };
            if state.live > 0 {
                break;
            }
            if let Some(job) = state.line.take_number(number) {
                return Err(self.reject(state, job, Reason::Spawn(error)));
            }
        }
        Ok(())
    }

    pub(crate) fn run_queued(&self, id: JobId) -> bool {
        let Some(_entered) = self.context.enter_inline() else {
            return false;
        };
        let mut state = self.lock();
        let index = state.queue.iter().rposition(|job| job.id() == Some(id));
        let job = match index.and_then(|index| state.queue.remove(index)) {
            None if self.has(Fault::DoesNotFindRequeuedWork) => None,
            None => {
                let job = state
                    .line
                    .take(|waiter| waiter.job().and_then(Job::id) == Some(id));
                state.submitted += u64::from(job.is_some());
                job
            }
            queued => queued,
        };
        let Some(job) = job else {
            return self.has(Fault::FindsJobsThatAreNotQueued);
        };
        match self.fault {
            Fault::FindsNoQueuedJob => {
                state.queue.push_back(job);
                return false;
            }
            Fault::DropsTheJobInRunQueued => {
                state.counted.successful += 1;
                drop(state);
                drop(job);
                return true;
            }
            Fault::CountsJobsThatRunBeforeTheirTurnAsDiscarded => {
                state.counted.discarded += 1;
                drop(state);
                drop(job.run());
                return true;
            }
            Fault::LeavesNoPlaceInRunQueued => state.queue.push_back(Job::new(|| {})),
            _ => {}
        }
        state.submitted += u64::from(self.has(Fault::LeavesNoPlaceInRunQueued));
        self.serve(&mut state);
        state.inline += 1;
        drop(state);
        let ended = match self.fault {
            Fault::RunsQueuedJobsOnAnotherThread => {
                let thread = thread::spawn(move || job.run_for_pool());
                thread.join().expect("the pool catches panics")
            }
            _ => job.run_for_pool(),
        };
        let mut state = self.lock();
        state.inline -= 1;
        state.count(ended.outcome());
        self.changed.notify_all();
        drop(state);
        true
    }
}

//! How the pool ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree_core::panic::contained;
use soiree_core::{DrainTimeout, Job};

use crate::executor::Executor;
use crate::permit::{PermitSource, drop_started};
use crate::queued_job::QueuedJob;
use crate::send::SendPermitError;
use crate::shared::Shared;
use crate::state::{Phase, State};
use crate::state_guard::StateGuard;

/// How long a thread that waits for the pool waits before it sends a permit again that could not be sent, at first and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl<E: Executor> Shared<E> {
    /// Called whenever something may have been the last of its kind. If the pool is closed, drops the executor once nothing is left
    /// to do. Wakes threads that wait for the end of the jobs.
    pub(crate) fn look_for_end(&self, mut state: StateGuard<'_, E>) {
        if !state.is_closed() {
            // If no worker is left, a thread that waits is the only one to look after the jobs.
            if state.awaiting_idle > 0 && (state.is_idle() || state.is_stranded()) {
                self.ended.notify_all();
            }
            return;
        }
        let has_ended = state.needs_no_executor();
        let executor = has_ended.then(|| state.executor.take()).flatten();
        let woken = state.unlock();
        self.ended.notify_all();
        contained(move || drop(executor));
        drop(woken);
    }

    /// Rejects new jobs from now on.
    fn close(&self) -> StateGuard<'_, E> {
        let mut state = self.lock();
        state.phase = state.phase.max(Phase::Draining);
        // Else what is left to run might wait for a place that nobody gives back.
        state.reserved_places = 0;
        state.line.close();
        state
    }

    /// Closes the pool without waiting. What is left to run gets its last permits.
    pub(crate) fn abandon(self: &Arc<Self>) {
        let mut state = self.close();
        state.is_abandoned = true;
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(error) => self.sending_failed(&error),
        }
    }

    pub(crate) fn stop(&self) {
        drop(self.close_and_discard());
    }

    /// Rejects new jobs from now on, and returns those that waited, which count as discarded; and how many run elsewhere.
    fn close_and_discard(&self) -> (Vec<QueuedJob>, usize) {
        let mut state = self.close();
        state.phase = Phase::Stopped;
        let discarded = state.discard_all();
        let active = self.active_elsewhere(&state);
        state.permits.clear();
        self.look_for_end(state);
        (discarded, active)
    }

    pub(crate) fn release_until(self: &Arc<Self>, deadline: Instant) -> Result<(), DrainTimeout> {
        if self.wait_would_deadlock() {
            return self.close_without_waiting();
        }
        self.look_for_end(self.close());
        if self.await_termination(deadline) {
            return Ok(());
        }
        let (waiting, active) = self.close_and_discard();
        let mut discarded = waiting.len();
        drop(waiting);
        let dropped = self.cancel_in_flight();
        discarded += dropped;
        // They were active, too, and are counted once.
        let active = active.saturating_sub(dropped);
        match active + discarded {
            0 => Ok(()),
            _ => Err(DrainTimeout::new(active, discarded)),
        }
    }

    /// Rejects new jobs from now on, and leaves the accepted ones to the executor. Counts them in the error.
    fn close_without_waiting(self: &Arc<Self>) -> Result<(), DrainTimeout> {
        let state = self.close();
        let left = self.active_elsewhere(&state) + state.line.len();
        match self.dispatch(state) {
            Ok(state) => self.look_for_end(state),
            Err(error) => self.sending_failed(&error),
        }
        match left {
            0 => Ok(()),
            left => Err(DrainTimeout::new(left, 0)),
        }
    }

    /// How many jobs run, not counting those that this call is inside of.
    fn active_elsewhere(&self, state: &State<E>) -> usize {
        (state.active + state.inline).saturating_sub(self.worker_context.depth())
    }

    /// Drops the futures in flight that nobody polls at the moment, and returns how many. The others are dropped by the threads
    /// that poll them.
    fn cancel_in_flight(self: &Arc<Self>) -> usize {
        let in_flight = self.lock().all_in_flight();
        let mut dropped = 0;
        let pool: Arc<dyn PermitSource> = self.clone();
        for (permit, future) in in_flight {
            if let Some(suspended) = future.cancel() {
                drop_started(&pool, permit, suspended);
                dropped += 1;
            }
        }
        dropped
    }

    /// Rejects new jobs from now on, and returns those that waited, oldest first.
    pub(crate) fn stop_and_take_jobs(&self) -> Vec<Job> {
        let (waiting, _) = self.close_and_discard();
        waiting.into_iter().map(|waiting| waiting.job).collect()
    }

    /// Waits until no job runs or waits; returns `false` at the deadline, and at once where it must not wait.
    pub(crate) fn wait_idle(self: &Arc<Self>, deadline: Instant) -> bool {
        if self.on_worker() || self.wait_would_deadlock() {
            return false;
        }
        let mut state = self.lock();
        state.awaiting_idle += 1;
        let mut pause = SHORTEST_PAUSE;
        let is_idle = loop {
            let count = self.ended.count();
            if state.is_idle() {
                break true;
            }
            let Some(mut timeout) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            if state.is_stranded() {
                match self.dispatch(state) {
                    Ok(_) => {}
                    Err(error) => {
                        self.sending_failed(&error);
                        timeout = timeout.min(pause);
                        pause = LONGEST_PAUSE.min(pause * 2);
                    }
                }
                state = self.lock();
                if !state.is_stranded() {
                    continue;
                }
            }
            drop(state);
            self.ended.wait(count, timeout);
            state = self.lock();
        };
        state.awaiting_idle -= 1;
        is_idle
    }

    /// Waits until all jobs have ended, inline ones too; returns `false` at the deadline. Inside a job, does not wait for jobs that
    /// wait here too.
    fn await_termination(self: &Arc<Self>, deadline: Instant) -> bool {
        let own_jobs = self.worker_context.depth();
        let is_worker = self.worker_context.is_worker();
        if !is_worker && self.on_worker() {
            self.help(self.lock());
        }
        let mut state = self.lock();
        if own_jobs > 0 {
            state.releasing += own_jobs;
            self.ended.notify_all();
        }
        let mut pause = SHORTEST_PAUSE;
        let ended = loop {
            let count = self.ended.count();
            state.forget_unneeded_permits();
            let busy = state.workers() + state.inline;
            let have_ended = match own_jobs {
                0 => busy == 0,
                _ => busy <= state.releasing,
            };
            // The waiting jobs may need a worker that waits here.
            if have_ended && (is_worker || state.line.is_empty()) {
                break true;
            }
            let Some(mut timeout) = deadline.checked_duration_since(Instant::now()) else {
                break false;
            };
            if state.is_stranded() {
                state = self.restart(state);
                if !state.is_stranded() {
                    continue;
                }
                timeout = timeout.min(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            drop(state);
            self.ended.wait(count, timeout);
            state = self.lock();
        };
        state.releasing -= own_jobs;
        self.look_for_end(state);
        ended
    }

    /// Sends permits for jobs that no worker is left to run. If that fails, runs them here, except futures.
    fn restart<'a>(self: &'a Arc<Self>, state: StateGuard<'a, E>) -> StateGuard<'a, E> {
        match self.dispatch(state) {
            Ok(state) => return state,
            Err(SendPermitError::ExecutorEnded) => self.executor_ended(),
            Err(SendPermitError::Failed(_)) => {
                let mut state = self.lock();
                if !state.has_workers() {
                    state.admit(true);
                    self.help(state);
                }
            }
        }
        self.lock()
    }

    /// Runs the waiting jobs on this thread, which the permits need and which is about to wait for them.
    fn help<'a>(self: &'a Arc<Self>, mut state: StateGuard<'a, E>) {
        let _entered = self.worker_context.enter_worker();
        while let Some(job) = self.start_here(&mut state) {
            drop(state);
            let ended = self.run_job(job);
            let mut after = self.end_active_job(None, Some(ended.outcome()));
            after.admit(true);
            drop(after);
            drop(ended);
            state = self.lock();
        }
    }
}

//! Stopping and releasing a pool.

use std::time::Instant;

use soiree_core::{DrainTimeout, Job};

use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::{Ordering, wait_until};
use crate::waiters::Waiting;

impl Shared {
    /// Moves to `phase`, or stays in a later one. When it returns, no job is accepted any more. Returns the jobs that will not run,
    /// for the caller to [count](Self::count_discarded).
    fn close(&self, phase: Phase) -> Vec<Job> {
        let mut state = self.lock();
        state.phase = state.phase.max(phase);
        // Else what is left to run might wait for a place that nobody gives back.
        state.jobs.keep_none();
        self.publish_reserved(&state);
        let rejected = state.waiters.reject_blocked();
        let mut unstarted = Vec::new();
        if state.phase == Phase::Stopping {
            unstarted.extend(state.jobs.drain());
            while let Some(waiting) = state.waiters.pop() {
                if let Waiting::Requeued(job) = waiting {
                    self.counters.record_accepted();
                    unstarted.push(job);
                }
            }
        }
        self.publish(&state);
        self.publish_waiters(&state);
        let became_idle = self.has_become_idle(&state);
        // What was accepted gets the places that were kept.
        self.unlock_and_notify(state);
        self.not_empty.notify_all();
        if became_idle {
            self.became_idle.notify_all();
        }
        for waked in rejected {
            waked.wake();
        }
        unstarted
    }

    pub(crate) fn close_without_waiting(&self) {
        self.discard_all(self.close(Phase::Draining));
    }

    pub(crate) fn stop(&self) {
        self.discard_all(self.close(Phase::Stopping));
    }

    fn discard_all(&self, jobs: Vec<Job>) {
        for job in jobs {
            self.discard(job);
        }
    }

    pub(crate) fn stop_and_take_jobs(&self) -> Vec<Job> {
        let jobs = self.close(Phase::Stopping);
        jobs.iter().for_each(|_| self.count_discarded());
        jobs
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().phase != Phase::Running
    }

    pub(crate) fn release_until(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.close_without_waiting();
        if self.wait_for_workers(deadline, self.worker_context.is_worker()) {
            return Ok(());
        }
        let before = self.stats().discarded;
        self.stop();
        let stats = self.stats();
        let discarded = (stats.discarded - before) as usize;
        let unfinished = stats.active + stats.waiting;
        let active = unfinished.saturating_sub(self.worker_context.depth());
        if active == 0 && discarded == 0 {
            return Ok(());
        }
        Err(DrainTimeout::new(active, discarded))
    }

    /// Waits for the workers to exit. Returns `false` if the deadline passes first. A worker does not wait for itself, nor for
    /// other workers that wait here as well: they would wait for each other.
    fn wait_for_workers(&self, deadline: Instant, on_worker: bool) -> bool {
        let mut state = self.lock();
        if on_worker {
            state.releasing += 1;
            self.worker_exited.notify_all();
        }
        let mut timed_out = false;
        let ended = loop {
            let not_waited_for = if on_worker { state.releasing } else { 0 };
            if state.permits.live() <= not_waited_for {
                break true;
            }
            if timed_out {
                break false;
            }
            (state, timed_out) = wait_until(&self.state, &self.worker_exited, state, deadline);
        };
        if on_worker {
            state.releasing -= 1;
        }
        ended
    }

    /// Waits until no job runs or waits. Returns `false` if the deadline passes first.
    pub(crate) fn wait_idle(&self, deadline: Instant) -> bool {
        if self.worker_context.depth() > 0 {
            return false;
        }
        let mut state = self.lock();
        self.idle_waiters.fetch_add(1, Ordering::SeqCst);
        let mut timed_out = false;
        let is_idle = loop {
            let is_idle = self.is_idle(&state);
            if is_idle || timed_out {
                break is_idle;
            }
            (state, timed_out) = wait_until(&self.state, &self.became_idle, state, deadline);
        };
        self.idle_waiters.fetch_sub(1, Ordering::SeqCst);
        is_idle
    }
}

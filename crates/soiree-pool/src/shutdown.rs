//! Stopping and releasing a pool.

use std::collections::VecDeque;
use std::time::Instant;

use soiree_core::DrainTimeout;

use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::wait_until;

impl Shared {
    /// Moves to `phase`, or stays in a later one. When it returns, no job is accepted any more.
    fn close(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = state.phase.max(phase);
        let unstarted = match state.phase {
            Phase::Stopping => state.jobs.drain(),
            _ => VecDeque::new(),
        };
        self.publish(&state);
        drop(state);
        self.not_empty.notify_all();
        self.not_full.notify_all();
        for job in unstarted {
            self.discard(job);
        }
    }

    pub(crate) fn close_without_waiting(&self) {
        self.close(Phase::Draining);
    }

    pub(crate) fn stop(&self) {
        self.close(Phase::Stopping);
    }

    pub(crate) fn release_until(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.close(Phase::Draining);
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
}

//! Stop, release, and releasing until a deadline.

use std::collections::VecDeque;
use std::time::Instant;

use soiree_core::DrainTimeout;

use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::wait_until;

impl Shared {
    /// Refuses new jobs. When it returns, no more jobs get into the queue.
    fn close(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = state.phase.max(phase);
        let unstarted = match state.phase {
            Phase::Stopping => state.take_all(),
            _ => VecDeque::new(),
        };
        self.publish(&state);
        drop(state);
        self.work.notify_all();
        self.place.notify_all();
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
        if self.wait_for_workers(deadline, self.nesting.is_worker()) {
            return Ok(());
        }
        let before = self.stats().discarded;
        self.stop();
        let stats = self.stats();
        let discarded = (stats.discarded - before) as usize;
        let unended = stats.active + stats.waiting;
        let active = unended.saturating_sub(self.nesting.depth());
        if active == 0 && discarded == 0 {
            return Ok(());
        }
        Err(DrainTimeout::new(active, discarded))
    }

    /// Whether the workers ended in time. A worker waits for those alone that do not wait here themselves.
    fn wait_for_workers(&self, deadline: Instant, on_worker: bool) -> bool {
        let mut state = self.lock();
        if on_worker {
            state.releasing += 1;
            self.left.notify_all();
        }
        let mut late = false;
        let ended = loop {
            let not_waited_for = if on_worker { state.releasing } else { 0 };
            if state.live <= not_waited_for {
                break true;
            }
            if late {
                break false;
            }
            (state, late) = wait_until(&self.state, &self.left, state, deadline);
        };
        if on_worker {
            state.releasing -= 1;
        }
        ended
    }
}

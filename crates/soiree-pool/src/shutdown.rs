//! Stop, release, and releasing until a deadline.

use std::time::Instant;

use soiree_core::Unfinished;

use crate::shared::{DRAINING, Look, STOPPING, Shared};
use crate::sync::{Ordering, lock};

impl Shared {
    /// Refuses new jobs. When it returns, no more jobs get into the queue.
    fn close(&self, state: u8) {
        self.gate.close();
        drop(lock(&self.closing.0).take());
        self.gate.wait_empty(None);
        self.state.fetch_max(state, Ordering::SeqCst);
        for _ in 0..self.live() {
            let _ = self.looks.0.send(Look);
        }
    }

    pub(crate) fn close_without_waiting(&self) {
        self.close(DRAINING);
    }

    pub(crate) fn stop(&self) {
        self.close(STOPPING);
        self.discard_queued();
    }

    pub(crate) fn release_until(&self, deadline: Instant) -> Result<(), Unfinished> {
        self.close(DRAINING);
        let on_worker = self.nesting.is_worker();
        if self.wait_for_workers(deadline, on_worker) {
            return Ok(());
        }
        let before = self.stats().discarded;
        self.close(STOPPING);
        self.discard_queued();
        // With the queue empty, what waits has been taken by a worker a moment ago.
        let stats = self.stats();
        // Workers discard what they had taken, too.
        let discarded = (stats.discarded - before) as usize;
        let unended = stats.active + stats.waiting;
        let active = unended.saturating_sub(self.nesting.depth());
        if active == 0 && discarded == 0 {
            return Ok(());
        }
        Err(Unfinished::new(active, discarded))
    }

    /// Whether the workers ended in time. A worker waits for those alone that do not wait here themselves.
    fn wait_for_workers(&self, deadline: Instant, on_worker: bool) -> bool {
        let mut releasing = self.releasing.lock();
        if on_worker {
            *releasing += 1;
            self.releasing.notify_all();
        }
        let mut late = false;
        let ended = loop {
            let not_waited_for = if on_worker { *releasing } else { 0 };
            if self.seated.load(Ordering::SeqCst) <= not_waited_for {
                break true;
            }
            if late {
                break false;
            }
            (releasing, late) = self.releasing.wait_until(releasing, deadline);
        };
        if on_worker {
            *releasing -= 1;
        }
        ended
    }
}

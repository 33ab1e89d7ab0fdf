//! How many events may be stored.

use std::time::{Duration, Instant};

use soiree_core::panic::caught;
use soiree_engine::NotStored;

use super::Writer;
use crate::commit_queue::Append;
use crate::figures::Reason;

/// The shortest time between two counts of all events, and between two looks for room.
const COUNT_AGAIN: Duration = Duration::from_secs(1);

impl Writer {
    /// Rejects events for which there is no room. Returns the others.
    pub(super) fn refuse_beyond_limit(&mut self, appends: Vec<Append>) -> Vec<Append> {
        let limit = self.max_events;
        let wanted: u64 = appends.iter().map(|a| a.records.len() as u64).sum();
        if self.figures.events.get().saturating_add(wanted) > limit {
            self.find_room();
        }
        let mut free = limit.saturating_sub(self.figures.events.get());
        let mut taken = Vec::with_capacity(appends.len());
        for append in appends {
            let wanted = append.records.len() as u64;
            if wanted <= free {
                free -= wanted;
                taken.push(append);
            } else {
                self.figures.rejected(Reason::Full, wanted);
                append.answer.give(Err(NotStored::Full { limit }));
            }
        }
        taken
    }

    /// Others may have ended events, or the last sweep may have failed. Nothing else leads to one while the outbox is full.
    fn find_room(&mut self) {
        if !is_recent(self.looked_at) {
            self.looked_at = Some(Instant::now());
            self.sweep();
        }
    }

    /// Other processes have swept events that this one has counted.
    pub(super) fn count_again(&mut self) {
        if !self.figures.has_others() || is_recent(self.counted_at) {
            return;
        }
        self.counted_at = Some(Instant::now());
        // An error shows at the next commit.
        if let Ok(Ok(size)) = caught(|| self.store.size()) {
            self.figures.events.set(size.events);
        }
    }
}

fn is_recent(at: Option<Instant>) -> bool {
    at.is_some_and(|at| at.elapsed() < COUNT_AGAIN)
}

//! Adding up what the parts of an emission count.

use std::sync::atomic::Ordering;

use super::state::EmissionState;
use crate::dispatch::Counts;

impl EmissionState {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts {
            delivered: self.delivered.load(Ordering::Relaxed).into(),
            aborted: self.aborted.load(Ordering::Relaxed),
            ..Counts::default()
        };
        if let Some(cold) = self.cold_if_used() {
            counts.failed = cold.failed.load(Ordering::Relaxed);
            counts.timed_out = cold.timed_out.load(Ordering::Relaxed);
            counts.not_called = cold.not_called.load(Ordering::Relaxed);
            counts.retried = cold.retried.load(Ordering::Relaxed);
        }
        counts
    }

    /// Adds the counts of a part that has ended. Returns whether it was the last part.
    pub(super) fn part_ended(&self, counts: &Counts) -> bool {
        // Only parts add parts: while this one is the last, no other thread counts.
        let is_last = self.parts.load(Ordering::Acquire) == 1;
        self.add(counts, is_last);
        is_last || self.parts.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Adds the counts of some listeners of a part that has not ended.
    pub(super) fn add_counts(&self, counts: Counts) {
        self.add(&counts, false);
    }

    fn add(&self, counts: &Counts, is_alone: bool) {
        // No emission has so many listeners that this overflows.
        let delivered = counts.delivered as u32;
        if is_alone {
            let before = self.delivered.load(Ordering::Relaxed);
            self.delivered.store(before + delivered, Ordering::Relaxed);
        } else if delivered > 0 {
            self.delivered.fetch_add(delivered, Ordering::Relaxed);
        }
        let more = [
            counts.failed,
            counts.timed_out,
            counts.not_called,
            counts.retried,
        ];
        if more != [0; 4] {
            self.add_cold(more);
        }
        if counts.aborted {
            self.aborted.store(true, Ordering::Relaxed);
        }
    }

    #[cold]
    fn add_cold(&self, more: [u64; 4]) {
        let cold = self.cold();
        let totals = [
            &cold.failed,
            &cold.timed_out,
            &cold.not_called,
            &cold.retried,
        ];
        for (total, more) in totals.into_iter().zip(more) {
            total.fetch_add(more, Ordering::Relaxed);
        }
    }
}

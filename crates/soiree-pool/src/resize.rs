//! Changing the worker limit.

use soiree_core::{MAX_WORKERS, ResizeError};

use crate::shared::{Look, Permit, Shared};
use crate::sync::{Arc, Ordering, lock};

impl Shared {
    pub(crate) fn resize(self: &Arc<Self>, max_workers: usize) -> Result<(), ResizeError> {
        let (max, min) = (max_workers, self.min_workers);
        if max == 0 {
            return Err(ResizeError::NoWorkers);
        }
        if max < min {
            return Err(ResizeError::BelowMin { max, min });
        }
        if max > MAX_WORKERS {
            return Err(ResizeError::TooLarge { max });
        }
        let resizing = lock(&self.resizing);
        let old = self.max_workers.swap(max, Ordering::SeqCst);
        for _ in old..max {
            if !self.claim_excess() {
                self.give_permit(Permit);
            }
        }
        for _ in max..old {
            if self.permits.1.try_recv().is_err() {
                self.excess.fetch_add(1, Ordering::SeqCst);
                // Busy workers look by themselves, and should not find a heap of notes after many resizes.
                if self.idle.load(Ordering::SeqCst) > 0 {
                    let _ = self.looks.0.send(Look);
                }
            }
        }
        drop(resizing);
        for _ in old..max {
            if !self.has_work() {
                break;
            }
            let Some(seat) = self.take_seat_beside() else {
                break;
            };
            if self.start_worker(seat, None).is_err() {
                break;
            }
        }
        Ok(())
    }
}

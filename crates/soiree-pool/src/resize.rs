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

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::sync::mpsc::channel;

    use crate::WorkerPool;

    /// P2: what busy workers are told of resizes does not pile up.
    #[test]
    fn resizing_a_busy_pool_leaves_no_heap_of_notes() {
        let pool = WorkerPool::new(2, 2).expect("the limits are sound");
        let (said, running) = channel();
        let mut let_go = Vec::new();
        for _ in 0..2 {
            let (go, told) = channel::<()>();
            let said = said.clone();
            pool.submit(move || {
                said.send(()).expect("the test listens");
                let _ = told.recv();
            })
            .expect("there is a worker for each");
            running.recv().expect("the job starts");
            let_go.push(go);
        }
        for _ in 0..1_000 {
            pool.resize(1).expect("one may stay");
            pool.resize(2).expect("so may two");
        }
        assert_eq!(pool.shared.looks.1.len(), 0);
    }
}

//! Changing the worker limit.

use soiree_core::{MAX_WORKERS, ResizeError};

use crate::shared::Shared;
use crate::state::Phase;
use crate::sync::Arc;

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
        let mut state = self.lock();
        let old = state.permits.set_limit(max);
        self.publish_all(&state);
        let stopping = state.phase == Phase::Stopping;
        drop(state);
        if max < old {
            // Sleeping workers may have to exit.
            self.not_empty.notify_all();
        }
        for _ in old..max {
            let permit = (!stopping)
                .then(|| self.try_acquire_for_backlog())
                .flatten();
            let Some(permit) = permit else { break };
            if self.spawn_worker(permit).is_err() {
                break;
            }
        }
        Ok(())
    }
}

//! Closing an emitter.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Instant;

use soiree_core::{DrainTimeout, far_future};

use super::emit::Emitter;
use crate::context::inside_frame;

/// Why an `EventPool` was not closed, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It was closed before, or another thread is closing it.
    #[error("the event pool is closed already")]
    AlreadyClosed,
    /// The caller is a listener, or a job of the pool, that the close would have to wait for.
    #[error("an event pool cannot be closed from inside its own listeners or pool")]
    InsideListener,
    /// The deadline came first. The `EventPool` is closed all the same.
    #[error("{emissions} emissions had not ended at the deadline; the pools: {pool:?}")]
    DrainTimeout {
        /// Emissions that had not ended at the deadline, including those that the pool discarded then.
        emissions: u64,
        /// What the released pools had left, all together.
        pool: Option<DrainTimeout>,
    },
}

impl Emitter {
    /// Whether [`close`](Emitter::close) was called.
    pub fn is_closed(&self) -> bool {
        self.shared.tracker.is_closed()
    }

    /// Rejects new emissions, waits for those that were accepted, removes the listeners, and releases the pools that are owned.
    ///
    /// # Errors
    /// If the emitter was closed before, if the caller is inside a listener or a job of the pool, or if the deadline comes first. In the
    /// last case it *is* closed: an owned pool discards what has not started, a shared pool runs it later, and the last emission removes
    /// the listeners.
    pub fn close(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        let emitter = self.address();
        if inside_frame(|frame| frame.emitter == emitter) || self.is_on_own_pool() {
            return Err(CloseError::InsideListener);
        }
        let shared = &self.shared;
        if !shared.tracker.close() {
            return Err(CloseError::AlreadyClosed);
        }
        self.generations.close(shared.registry.empty());
        // In this order: an emission on the emitting thread may start a task when it delegates listeners, and not the other way round.
        let ended = self.generations.wait_empty(deadline) && shared.tracker.wait(deadline);
        let mut emissions = 0;
        if ended {
            shared.registry.close();
        } else {
            emissions = shared.tracker.len() + self.generations.hold_task(shared);
            shared.clear_late.store(true, Ordering::SeqCst);
        }
        let released = self.release_pools(deadline);
        shared.clear_if_late();
        match released {
            Ok(()) if ended => Ok(()),
            released => Err(CloseError::DrainTimeout {
                emissions,
                pool: released.err(),
            }),
        }
    }

    /// Releases the owned pools one after another, and adds up what they had left.
    fn release_pools(&self, deadline: Option<Instant>) -> Result<(), DrainTimeout> {
        let deadline = deadline.unwrap_or_else(far_future);
        let mut released: Result<(), DrainTimeout> = Ok(());
        for handle in self.current().owned_pools() {
            let ended = handle.pool().release_with_deadline(deadline);
            released = match (released, ended) {
                (Err(one), Err(other)) => Err(DrainTimeout::new(
                    one.active + other.active,
                    one.discarded + other.discarded,
                )),
                (one, other) => one.and(other),
            };
        }
        released
    }

    /// Whether the calling thread works for a pool that a close would wait for.
    fn is_on_own_pool(&self) -> bool {
        let former = self.former().clone();
        let mut former = former.iter().filter_map(Weak::upgrade);
        let current = self.current();
        current.each_pool().any(|settings| settings.pool.is_here())
            || former.any(|settings| settings.pool.is_here())
            || self.shared.destinations.is_here()
    }
}

//! The end of an emitter.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use super::Emitter;
use crate::context::inside_any;
use soiree_core::{DrainTimeout, far_future};

/// An `EventPool` was not closed, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// It was closed before, or is being closed.
    #[error("the event pool is closed already")]
    AlreadyClosed,
    /// The caller is a listener, or a job of the pool, that the close would have to wait for.
    #[error("an event pool cannot be closed from inside its own listeners or pool")]
    InsideListener,
    /// The deadline came first. It is closed, and this was left.
    #[error("{emissions} emissions had not ended at the deadline; the pools: {pool:?}")]
    DrainTimeout {
        /// Emissions that had not ended, those among them that the pool discarded then included.
        emissions: u64,
        /// What pools had left that were released, all together.
        pool: Option<DrainTimeout>,
    },
}

impl Emitter {
    /// Whether [`close`](Emitter::close) was called.
    pub fn is_closed(&self) -> bool {
        self.hub.gate.is_closed()
    }

    /// Refuses new emissions, waits for those accepted, takes off the listeners, and releases the pools that were
    /// handed over.
    ///
    /// # Errors
    /// If it was closed before, is called from inside a listener or job of the pool, or the deadline comes first. In the
    /// last case it *is* closed: a pool that was handed over discards what has not started, one that is shared runs it
    /// later, and the last emission takes the listeners off.
    pub fn close(&self, deadline: Option<Instant>) -> Result<(), CloseError> {
        let hub = Arc::as_ptr(&self.hub).addr();
        if inside_any(|frame| frame.hub == hub) || self.is_on_a_pool_of_its() {
            return Err(CloseError::InsideListener);
        }
        if !self.hub.gate.close() {
            return Err(CloseError::AlreadyClosed);
        }
        self.scenes.close(self.hub.registry.empty());
        // An emission on the thread that emits may enter the gate when listeners are handed over, and not the other way round.
        let ended = self.scenes.wait_empty(deadline) && self.hub.gate.wait_empty(deadline);
        let mut emissions = 0;
        if ended {
            self.hub.registry.close();
        } else {
            emissions = self.hub.gate.inside() + self.scenes.hold_gate(&self.hub);
            self.hub.clear_late.store(true, Ordering::SeqCst);
        }
        let mut released: Result<(), DrainTimeout> = Ok(());
        let owned = self.current.load().owned_pools();
        for handle in owned {
            let ended = handle
                .pool()
                .release_with_deadline(deadline.unwrap_or_else(far_future));
            released = match (released, ended) {
                (Err(one), Err(other)) => Err(DrainTimeout::new(
                    one.active + other.active,
                    one.discarded + other.discarded,
                )),
                (one, other) => one.and(other),
            };
        }
        self.hub.clear_if_late();
        match released {
            Ok(()) if ended => Ok(()),
            released => Err(CloseError::DrainTimeout {
                emissions,
                pool: released.err(),
            }),
        }
    }
    /// Whether the calling thread works for a pool that a close would wait for.
    fn is_on_a_pool_of_its(&self) -> bool {
        let former = self
            .former
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut former = former.iter().filter_map(Weak::upgrade);
        let current = self.current.load();
        current.setups().any(|setup| setup.pool.is_here())
            || former.any(|setup| setup.pool.is_here())
    }
}

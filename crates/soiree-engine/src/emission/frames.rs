//! Which emission the calling thread is inside of.

use std::sync::Arc;

use super::state::EmissionState;
use crate::context::{EnteredFrame, Frame, TIMER, enter_frame, inside_frame};
use crate::trace::EnteredSpan;

/// The calling thread is inside an emission until this is dropped.
pub(super) type EnteredEmission = (EnteredFrame, EnteredSpan);

impl EmissionState {
    /// Whether the calling thread is inside this emission, or must not wait for any.
    pub(crate) fn is_current(&self) -> bool {
        let emission = self.address();
        inside_frame(|frame| frame.emission == emission || frame.pool == TIMER)
    }

    fn frame(&self) -> Frame {
        match self.moved_to() {
            Some(moved) => self.frame_on(moved.address()),
            None => self.frame_on(self.settings.pool.address()),
        }
    }

    /// For work on its behalf, on a thread that need not be a worker of its pool.
    pub(super) fn frame_here(&self) -> Frame {
        Frame {
            pool: 0,
            ..self.frame()
        }
    }

    /// The calling thread enters the emission, on behalf of its pool.
    pub(super) fn enter(&self) -> EnteredEmission {
        (enter_frame(self.frame()), self.span.enter())
    }

    /// The calling thread enters the emission, on behalf of the pool with this address.
    pub(super) fn enter_on(&self, pool: usize) -> EnteredEmission {
        (enter_frame(self.frame_on(pool)), self.span.enter())
    }

    /// The timer thread enters the emission.
    pub(super) fn enter_on_timer(&self) -> EnteredEmission {
        let frame = Frame {
            pool: TIMER,
            ..self.frame_here()
        };
        (enter_frame(frame), self.span.enter())
    }

    fn frame_on(&self, pool: usize) -> Frame {
        Frame {
            emitter: Arc::as_ptr(&self.settings.shared).addr(),
            emission: self.address(),
            pool,
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

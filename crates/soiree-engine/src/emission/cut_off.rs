//! What becomes of the emissions that had not ended when a close stopped waiting.

use std::sync::PoisonError;

use soiree_core::EventId;
use soiree_core::sync::{Mutex, MutexGuard};

/// How many emissions a [`CloseError`](crate::CloseError) describes.
pub(crate) const MAX_DESCRIBED: usize = 16;

/// What became of an emission that had not ended at the deadline of a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CutOffCause {
    /// A listener of it runs, and holds up a thread.
    Running,
    /// No listener was called: a pool discarded it, or it waited behind another event of its key.
    Discarded,
    /// A retry was still to come. It was given up, with the error of the attempt before.
    RetryGivenUp,
    /// It ended while the pools were released: its listeners returned, or were cancelled.
    Ended,
}

/// An emission that had not ended at the deadline of a close.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutOffEmission {
    /// The topic.
    pub topic: Box<str>,
    /// The ID of the event, if it is known: somebody has asked for it.
    pub id: Option<EventId>,
    /// What became of it, or that it still runs.
    pub cause: CutOffCause,
}

/// What became of the emissions that had not ended at the deadline of a close, so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct CutOffSummary {
    pub(crate) discarded: u64,
    pub(crate) retries_given_up: u64,
    pub(crate) ended: u64,
    /// Some of them.
    pub(crate) described: Vec<CutOffEmission>,
}

impl CutOffSummary {
    pub(crate) fn total(&self) -> u64 {
        self.discarded + self.retries_given_up + self.ended
    }
}

/// Collects what becomes of emissions after the deadline of a close.
#[derive(Default)]
pub(crate) struct CutOff(Mutex<CutOffSummary>);

impl CutOff {
    fn lock(&self) -> MutexGuard<'_, CutOffSummary> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An emission ends. Calls `end`, which counts that, so that no emission is counted twice or not at all.
    pub(super) fn emission_ended(&self, ended: CutOffEmission, end: impl FnOnce()) {
        let mut summary = self.lock();
        match ended.cause {
            CutOffCause::Discarded => summary.discarded += 1,
            CutOffCause::RetryGivenUp => summary.retries_given_up += 1,
            CutOffCause::Ended => summary.ended += 1,
            // It ends.
            CutOffCause::Running => {}
        }
        if summary.described.len() < MAX_DESCRIBED {
            summary.described.push(ended);
        }
        end();
    }

    /// What became of them so far, and how many have not ended, which `unended` returns.
    pub(crate) fn summary(&self, unended: impl FnOnce() -> u64) -> (CutOffSummary, u64) {
        let summary = self.lock();
        (summary.clone(), unended())
    }
}

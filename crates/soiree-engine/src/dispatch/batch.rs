//! The fast path: calling listeners that have no filter, run limit, timeout or pool, when nothing is observed.

use soiree_core::Event;
use soiree_core::panic::caught;
use soiree_core::registry::CachedListener;

use crate::invocation::CallOutcome;

/// How far a batch got.
pub(crate) struct BatchResult {
    /// How many listeners were called.
    pub(crate) count: usize,
    /// How the last of them failed, if it did.
    pub(crate) failed: Option<CallOutcome>,
    pub(crate) aborted: bool,
}

impl BatchResult {
    /// Whether the last listener that was called failed, or aborted the event.
    #[inline]
    pub(crate) fn is_cut_short(&self) -> bool {
        self.aborted || self.failed.is_some()
    }
}

/// Calls listeners one after another, up to one that fails or aborts the event. The first one is called in any case.
///
/// All of them share one frame that catches panics, and the type of the event is known: with many listeners, calling them is nearly all
/// that an emission costs.
#[inline]
pub(crate) fn call_batch(listeners: &[CachedListener], event: &impl Event) -> BatchResult {
    let (mut count, mut aborted) = (0, false);
    let result = caught(|| {
        for cached in listeners {
            count += 1;
            cached.listener.handle(event)?;
            if event.is_aborted() {
                aborted = true;
                break;
            }
        }
        Ok(())
    });
    let failed = match result {
        Ok(Ok(())) => None,
        Ok(failed) => Some(CallOutcome::Returned(failed)),
        Err(panic) => Some(CallOutcome::Panicked(panic)),
    };
    BatchResult {
        count,
        failed,
        aborted,
    }
}

//! The fast path: calling listeners that have no run limit or pool, when nothing is observed.

use std::sync::Arc;

use soiree_core::panic::{PanicPayload, caught};
use soiree_core::registry::CachedListener;
use soiree_core::{BoxError, Event, Listener, Timer};

use crate::invocation::{CallOutcome, TimeLimit, call_within};

/// How far a batch got.
pub(crate) struct BatchResult {
    /// How many listeners had their turn.
    pub(crate) count: usize,
    /// How many of them were skipped by their filters.
    pub(crate) skipped: usize,
    /// How the last of them failed, if it did.
    pub(crate) failed: Option<CallOutcome>,
    pub(crate) aborted: bool,
}

impl BatchResult {
    /// How many listeners were called.
    #[inline]
    pub(crate) fn called(&self) -> u64 {
        (self.count - self.skipped) as u64
    }

    /// Whether there is more to do than to return how many were called: the last one failed or aborted the event, or filters have skipped
    /// all of them.
    #[inline]
    pub(crate) fn has_sequel(&self) -> bool {
        self.aborted || self.failed.is_some() || self.skipped == self.count
    }
}

/// Calls listeners one after another, up to one that fails or aborts the event. The first one has its turn in any case.
///
/// All of them share one frame that catches panics, and the type of the event is known: with many listeners, calling them is nearly all
/// that an emission costs.
#[inline]
pub(crate) fn call_batch<'a>(
    listeners: impl Iterator<Item = &'a dyn Listener>,
    event: &impl Event,
) -> BatchResult {
    let (mut count, mut aborted) = (0, false);
    let result = caught(|| {
        for listener in listeners {
            count += 1;
            listener.handle(event)?;
            if event.is_aborted() {
                aborted = true;
                break;
            }
        }
        Ok(())
    });
    BatchResult {
        count,
        skipped: 0,
        failed: failure(result),
        aborted,
    }
}

/// As [`call_batch`], if some of the listeners have filters or timeouts. Apart, as looking for these would cost those without.
///
/// No other thread could go on with the event of a listener that takes too long: this one compares the time when it has returned.
#[inline(never)]
pub(crate) fn call_checked_batch(
    listeners: &[CachedListener],
    event: &dyn Event,
    timer: Option<&Arc<dyn Timer>>,
) -> BatchResult {
    let (mut count, mut skipped, mut aborted, mut late) = (0, 0, false, None);
    let result = caught(|| {
        for cached in listeners {
            count += 1;
            let registration = &cached.registration;
            if registration.filter().is_some_and(|filter| !filter(event)) {
                skipped += 1;
            } else if let Some(limit) = registration.timeout() {
                let limit = TimeLimit::measured(limit, timer);
                match call_within(limit, || cached.listener.handle(event)) {
                    CallOutcome::Returned(result) => result?,
                    outcome => {
                        late = Some(outcome);
                        break;
                    }
                }
            } else {
                cached.listener.handle(event)?;
            }
            if event.is_aborted() {
                aborted = true;
                break;
            }
        }
        Ok(())
    });
    BatchResult {
        count,
        skipped,
        failed: failure(result).or(late),
        aborted,
    }
}

pub(super) fn failure(result: Result<Result<(), BoxError>, PanicPayload>) -> Option<CallOutcome> {
    match result {
        Ok(Ok(())) => None,
        Ok(failed) => Some(CallOutcome::Returned(failed)),
        Err(panic) => Some(CallOutcome::Panicked(panic)),
    }
}

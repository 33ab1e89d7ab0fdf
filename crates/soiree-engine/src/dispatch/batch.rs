//! Calling listeners of which there is nothing to ask, while there is nobody to tell of them.

use super::caught;
use crate::invocation::Step;
use soiree_core::Event;
use soiree_core::registry::CachedListener;

/// How far it went.
pub(crate) struct Called {
    /// How many were called.
    pub(crate) count: usize,
    /// What the last of them came to, if that is something to be told.
    pub(crate) badly: Option<Step>,
    pub(crate) aborted: bool,
}

/// Calls listeners one after another, the first one in any case, up to one that fails or aborts the event.
///
/// One frame catches the panics of them all, and the kind of event is known: with many listeners this is what an emission takes.
#[inline]
pub(crate) fn call_plain(calls: &[CachedListener], event: &impl Event) -> Called {
    let (mut count, mut aborted) = (0, false);
    let result = caught(|| {
        for call in calls {
            count += 1;
            call.listener.handle(event)?;
            if event.is_aborted() {
                aborted = true;
                break;
            }
        }
        Ok(())
    });
    let badly = match result {
        Ok(Ok(())) => None,
        Ok(failed) => Some(Step::Called(failed)),
        Err(panic) => Some(Step::Panicked(panic)),
    };
    Called {
        count,
        badly,
        aborted,
    }
}

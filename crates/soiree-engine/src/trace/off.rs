//! Nothing, in the shape of [`on`](super).

use super::ListenerAttempt;
use soiree_core::{EventId, ListenerEnd, Rejection};

#[derive(Default)]
pub(crate) struct EmissionSpan(());

#[derive(Default)]
pub(crate) struct ListenerSpan(());

#[must_use]
pub(crate) struct Entered;

impl EmissionSpan {
    #[inline]
    pub(crate) fn begin(&self, _: &str, _: Option<&str>, _: impl FnOnce() -> Option<EventId>) {}

    #[inline]
    pub(crate) fn share(&self) -> Self {
        Self(())
    }

    #[inline]
    pub(crate) fn enter(&self) -> Entered {
        Entered
    }

    #[inline]
    pub(crate) fn end(&self) {}
}

impl ListenerSpan {
    #[inline]
    pub(crate) fn enter<'a>(&self, _: impl FnOnce() -> ListenerAttempt<'a>) -> Entered {
        Entered
    }

    #[inline]
    pub(crate) fn enter_again(&self) -> Entered {
        Entered
    }

    #[inline]
    pub(crate) fn ended<'a>(&self, _: impl FnOnce() -> ListenerAttempt<'a>, _: ListenerEnd<'_>) {}
}

#[inline]
pub(crate) fn is_possible() -> bool {
    false
}

#[inline]
pub(crate) fn refused(_: &str, _: Rejection<'_>) {}

#[inline]
pub(crate) fn discarded(_: &str, _: &str) {}

/// Without the feature nothing is stored, so nothing can cost anything.
const _: () = assert!(size_of::<(EmissionSpan, ListenerSpan, Entered)>() == 0);

//! What replaces spans without the feature `tracing`: nothing.

use super::attempt::ListenerAttempt;
use soiree_core::{EventId, ListenerEnd, Rejection};

#[derive(Default)]
pub(crate) struct EmissionSpan(());

#[derive(Default)]
pub(crate) struct ListenerSpan(());

#[must_use]
pub(crate) struct EnteredSpan;

impl EmissionSpan {
    #[inline]
    pub(crate) fn start(&self, _: &str, _: Option<&str>, _: impl FnOnce() -> Option<EventId>) {}

    #[inline]
    pub(crate) fn share(&self) -> Self {
        Self(())
    }

    #[inline]
    pub(crate) fn enter(&self) -> EnteredSpan {
        EnteredSpan
    }

    #[inline]
    pub(crate) fn end(&self) {}
}

impl ListenerSpan {
    #[inline]
    pub(crate) fn enter<'a>(&self, _: impl FnOnce() -> ListenerAttempt<'a>) -> EnteredSpan {
        EnteredSpan
    }

    #[inline]
    pub(crate) fn reenter(&self) -> EnteredSpan {
        EnteredSpan
    }

    #[inline]
    pub(crate) fn ended<'a>(&self, _: impl FnOnce() -> ListenerAttempt<'a>, _: ListenerEnd<'_>) {}
}

#[inline]
pub(crate) fn is_possible() -> bool {
    false
}

#[inline]
pub(crate) fn rejected(_: &str, _: Rejection<'_>) {}

#[inline]
pub(crate) fn discarded(_: &str, _: &str) {}

/// Without the feature nothing is stored, so nothing can cost anything.
const _: () = assert!(size_of::<(EmissionSpan, ListenerSpan, EnteredSpan)>() == 0);

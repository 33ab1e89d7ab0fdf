//! What a span of a listener shows.

use soiree_core::{Event, ListenerRef};

/// One attempt of a listener, as plain data.
#[cfg_attr(
    not(feature = "tracing"),
    expect(dead_code, reason = "without the feature no span reads it")
)]
pub(crate) struct ListenerAttempt<'a> {
    pub(crate) topic: &'a str,
    pub(crate) event: &'a dyn Event,
    pub(crate) listener: ListenerRef<'a>,
    /// The number of the attempt, from 1.
    pub(crate) number: u32,
    /// Whether there is no further attempt if this one fails.
    pub(crate) is_last: bool,
}

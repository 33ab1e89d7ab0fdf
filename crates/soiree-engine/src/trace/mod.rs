//! Spans and events for whoever subscribes to them with the crate `tracing`; without the feature of that name there is nothing
//! of it, and nothing else in the crate asks for the feature.
//!
//! Subscribers are user code: they are called without a lock, and their panics end here.

use soiree_core::{Event, ListenerRef};

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::{EmissionSpan, Entered, ListenerSpan, discarded, is_possible, refused};
#[cfg(feature = "tracing")]
pub(crate) use self::on::{EmissionSpan, Entered, ListenerSpan, discarded, is_possible, refused};

/// A call of a listener, as spans show it.
#[cfg_attr(
    not(feature = "tracing"),
    expect(dead_code, reason = "nothing shows it")
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

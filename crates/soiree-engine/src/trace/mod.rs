//! Spans and events for subscribers of the crate `tracing`.
//!
//! Without the feature `tracing` all of it is empty, so its callers need not ask for the feature. Subscribers are user code: they
//! are called under no lock, and their panics are caught here.

mod attempt;
#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

pub(crate) use self::attempt::ListenerAttempt;
#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::{
    EmissionSpan, EnteredSpan, ListenerSpan, discarded, is_possible, rejected,
};
#[cfg(feature = "tracing")]
pub(crate) use self::on::{
    EmissionSpan, EnteredSpan, ListenerSpan, discarded, is_possible, rejected,
};

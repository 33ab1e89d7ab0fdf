//! Spans and events for whoever subscribes to them with the crate `tracing`; without the feature of that name there is nothing
//! of it, and nothing else in the crate asks for the feature.
//!
//! Subscribers are user code: they are called without a lock, and their panics end here.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::{EmissionSpan, Entered, ListenerSpan, discarded, is_possible, refused};
#[cfg(feature = "tracing")]
pub(crate) use self::on::{EmissionSpan, Entered, ListenerSpan, discarded, is_possible, refused};

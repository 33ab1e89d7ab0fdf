//! Spans and events, as those who subscribe to them with the crate `tracing` see them.
#![cfg(all(feature = "pool", feature = "tracing"))]

mod across;
mod failures;
mod mock;
mod recorder;

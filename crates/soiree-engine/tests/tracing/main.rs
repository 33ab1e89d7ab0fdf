//! Spans and events, as a subscriber of the crate `tracing` sees them.

mod across;
mod failures;
mod mock;
mod recorder;

//! Spans and events, as those who subscribe to them with the crate `tracing` see them.

mod across;
mod failures;
mod mock;
mod recorder;

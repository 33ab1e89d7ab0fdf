//! The promises of an outbox, with a store in memory.

mod admin;
mod batches;
mod closing;
mod delivery;
mod emitting;
mod failing_store;
mod full_pool;
mod histories;
mod machine;
mod observing;
mod others;
mod restart;
mod strict;
mod support;
mod suspects;

//! The promises of an outbox, with a store in memory.

mod admin;
mod delivery;
mod emitting;
mod failing_store;
mod histories;
mod machine;
mod full_pool;
mod observing;
mod others;
mod restart;
mod support;

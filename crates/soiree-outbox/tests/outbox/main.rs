//! The promises of an outbox, with a store in memory.

mod admin;
mod delivery;
mod emitting;
mod failing_store;
mod observing;
mod others;
mod histories;
mod machine;
mod restart;
mod support;

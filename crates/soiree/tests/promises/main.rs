//! What the facade adds to the engine.

mod builder;
mod bulkheads;
mod close_guard;
mod registered;
mod subscriptions;
mod support;
mod topics;
mod typed;

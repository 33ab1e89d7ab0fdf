//! What the facade adds to the engine.

mod bulkheads;
mod registered;
mod subscriptions;
mod support;

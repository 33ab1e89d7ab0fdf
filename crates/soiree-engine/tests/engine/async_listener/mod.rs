//! Async listeners on a Tokio runtime.

mod closing;
pub(crate) mod common;
mod current_thread;
mod ending;
mod executors;
mod inside;
mod observed;
mod ordered;
mod random;
mod starting;
mod timeout;

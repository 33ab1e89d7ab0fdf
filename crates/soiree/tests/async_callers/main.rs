//! Callers in async code, on every pool and on several executors.

mod cancellation;
mod closing;
mod emitting;
mod ending;
mod executors;
mod fairness;
mod matrix;
mod ordered;
mod pools;
mod support;
mod typed;

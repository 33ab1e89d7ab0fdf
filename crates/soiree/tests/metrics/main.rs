//! Metrics are correct, and other tools can read them.

mod counts;
mod dashboard;
#[cfg(feature = "tokio")]
mod ends;
mod inboxes;
mod outbox;
mod prometheus;
mod text;
mod tools;
mod waiting;
mod web;

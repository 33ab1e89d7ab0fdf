//! Metrics are correct, and other tools can read them.

mod browser;
#[path = "../example/mod.rs"]
mod built;
mod counts;
mod dashboard;
#[cfg(feature = "tokio")]
mod ends;
mod example;
mod outbox;
mod page;
mod prometheus;
mod text;
mod tools;
mod waiting;
mod web;

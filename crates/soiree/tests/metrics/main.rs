//! What `/metrics` says is what happened, and the tools of others can read it.

mod browser;
mod counts;
#[cfg(feature = "tokio")]
mod ends;
mod example;
mod page;
mod prometheus;
mod text;
mod tools;
mod web;

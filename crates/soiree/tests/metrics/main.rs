//! What `/metrics` says is what happened, and the tools of others can read it.

mod browser;
#[path = "../example/mod.rs"]
mod built;
mod counts;
#[cfg(feature = "tokio")]
mod ends;
mod example;
mod page;
mod prometheus;
mod text;
mod tools;
mod web;

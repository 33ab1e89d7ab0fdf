//! `BoundedPool` over executors whose behaviour the tests script.

mod common;
mod counted;
mod futures;
mod limits;
mod line;
mod permits;
mod random;
mod requeue;
mod reserve;
mod run_queued;
mod tasks;
mod wakers;

//! `BoundedPool` over executors whose behaviour the tests script.

mod common;
mod counted;
mod future_wakers;
mod futures;
mod limits;
mod line;
mod permits;
mod polled;
mod random;
mod requeue;
mod reserve;
mod run_queued;
mod tasks;
mod wakers;

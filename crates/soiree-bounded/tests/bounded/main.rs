//! `BoundedPool` over executors whose behaviour the tests script.

mod common;
mod limits;
mod permits;

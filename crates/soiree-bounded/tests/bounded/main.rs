//! `BoundedPool` over executors that do as the test says.

mod common;
mod limits;
mod permits;

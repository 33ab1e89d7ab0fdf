//! The promises P1 to P8 of `WorkerPool`.

mod bounds;
mod common;
mod edges;
mod ending;
mod failed_starts;
mod failure;
mod idle;
mod polled;
mod races;
mod reserving;
mod starting;
mod tasks;
mod waiting;
mod wakers;

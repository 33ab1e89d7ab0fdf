//! The promises P1 to P8 of `WorkerPool`.

mod bounds;
mod common;
mod edges;
mod ending;
mod failure;
mod races;
mod starting;

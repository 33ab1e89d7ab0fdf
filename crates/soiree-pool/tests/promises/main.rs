//! The promises P1 to P8, held by `WorkerPool`.

mod bounds;
mod common;
mod ending;
mod failure;

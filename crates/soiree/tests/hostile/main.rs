//! Hostile user code: each kind of value that users give to an event pool, each thing that the value does when it is dropped or
//! called, at each place where that may happen, on every pool.

mod case;
mod matrix;
mod place;
mod pool;
mod surroundings;
mod values;

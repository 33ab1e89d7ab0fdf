//! Closing: what it waits for, what it rejects, and where it is an error.

mod chains;
mod cut_off;
mod emit;
mod emit_sync;
mod rerouted;
mod running;
mod user_code;

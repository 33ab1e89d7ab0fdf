//! The promises of `WorkerPool` under a model checker, which runs each scenario with many schedules: `cargo xtask model`.
//!
//! A scenario fails if an assertion fails, if its threads deadlock, or if one of them never ends. The checker then prints the
//! schedule. To run that schedule again:
//!
//! ```sh
//! SOIREE_MODEL_REPLAY=<schedule> cargo xtask model the_name_of_the_scenario
//! ```
//!
//! Timeouts and deadlines may pass at any time, or never if they are more than an hour away.
#![cfg(soiree_model)]

mod closing;
mod common;
mod growing;
mod releasing;
mod reserving;
mod resizing;
mod starting;
mod submitting;
mod waiting;
mod watching;

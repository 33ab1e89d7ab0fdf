//! The promises of `WorkerPool` under a model checker, which runs each scenario under many schedules: `cargo xtask model`.
//!
//! A scenario fails if what it asserts is not so, if its threads wait for each other, or if one of them waits for ever.
//! The checker prints the schedule that failed. To run that schedule again and again:
//!
//! ```sh
//! SOIREE_MODEL_REPLAY=<schedule> cargo xtask model the_name_of_the_scenario
//! ```
//!
//! Timeouts and deadlines come at any time, or never if they are more than an hour off.
#![cfg(soiree_model)]

mod closing;
mod common;
mod growing;
mod releasing;
mod resizing;
mod starting;
mod submitting;
mod watching;

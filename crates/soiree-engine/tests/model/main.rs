//! The engine under a model checker, which runs each scenario under many schedules: `cargo xtask model`.
#![cfg(soiree_model)]

mod read_mostly;
mod task_tracker;

//! The engine under a model checker, which runs each scenario under many schedules: `cargo xtask model`.
//!
//! The scenarios of accepted work run whole `EventPool`s, with the emitter, pools whose threads belong to the checker, and a timer whose
//! tasks run at any moment. A [`Ledger`](ledger::Ledger) keeps account of every event.
#![cfg(soiree_model)]

mod backlog;
mod closing;
mod former_values;
mod ledger;
mod places;
mod pools;
mod read_mostly;
mod task_tracker;
mod timer;
mod turns;
mod world;

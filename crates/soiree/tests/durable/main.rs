//! Durable events in SQLite files, over crashes, kills, power cuts, stopped processes and restarts.

mod child;
mod closing;
mod histories;
mod in_tx;
mod kill;
#[path = "../../../soiree-outbox/tests/outbox/machine/mod.rs"]
mod machine;
mod poison;
mod power_cut;
mod restart;
mod support;
mod texts;
mod two_processes;

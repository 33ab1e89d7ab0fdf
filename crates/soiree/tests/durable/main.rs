//! Durable events in SQLite files, over crashes, kills, stopped processes and restarts.

mod child;
mod in_tx;
mod kill;
mod poison;
mod restart;
mod support;
mod two_processes;

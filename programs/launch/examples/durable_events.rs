//! Starts `programs/src/bin/durable_events.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("durable_events")
}

//! Starts `programs/src/bin/outbox.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("outbox")
}

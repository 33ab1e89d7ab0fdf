//! Starts `programs/src/bin/metrics`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("metrics")
}

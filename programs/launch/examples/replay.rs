//! Starts `programs/src/bin/replay`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("replay")
}

//! Starts `programs/src/bin/fleet`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("fleet")
}

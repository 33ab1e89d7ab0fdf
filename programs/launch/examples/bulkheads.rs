//! Starts `programs/src/bin/bulkheads`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("bulkheads")
}

//! Runs one case, once or on request, with the system's allocator.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_benches::run_subject()
}

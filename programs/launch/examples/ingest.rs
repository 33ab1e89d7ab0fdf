//! Starts `programs/src/bin/ingest`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("ingest")
}

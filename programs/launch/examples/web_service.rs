//! Starts `programs/src/bin/web_service`.

use std::process::ExitCode;

fn main() -> ExitCode {
    soiree_launch::run("web_service")
}

//! Runs one case, once or on request, with mimalloc as allocator.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    soiree_benches::run_subject()
}

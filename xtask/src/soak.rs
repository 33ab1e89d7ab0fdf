//! Runs random operations on the pools, in an optimised build.

use crate::result::Result;
use crate::workspace;

const EXAMPLE: [&str; 5] = ["--release", "-p", "soiree-testkit", "--example", "soak"];

/// Runs the example `soak` with these options.
pub(crate) fn run(options: &[&str]) -> Result {
    workspace::run(&[&["run", "--quiet"], &EXAMPLE[..], &["--"], options].concat())
}

/// Runs it under a sanitizer that finds leaks and uses of freed memory.
pub(crate) fn run_asan(options: &[&str]) -> Result {
    let target = workspace::root().join("target").join("asan");
    let target = target.to_string_lossy();
    let variables = [
        // The standard library is built without the sanitizer, which this one permits.
        (
            "RUSTFLAGS",
            "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer",
        ),
        ("ASAN_OPTIONS", "detect_leaks=1"),
    ];
    // With an explicit target, Cargo does not apply the flags to build scripts and macros.
    let build = [
        "run",
        "--quiet",
        "--target",
        "host-tuple",
        "--target-dir",
        &target,
    ];
    workspace::run_nightly(
        &variables,
        &[&build, &EXAMPLE[..], &["--"], options].concat(),
    )
}

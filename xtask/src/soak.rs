//! Soaking the pools, optimised, for as long as one likes.

use crate::result::Result;
use crate::workspace;

const EXAMPLE: [&str; 5] = ["--release", "-p", "soiree-testkit", "--example", "soak"];

/// Hands the options to the example that does it.
pub(crate) fn run(options: &[&str]) -> Result {
    workspace::run(&[&["run", "--quiet"], &EXAMPLE[..], &["--"], options].concat())
}

/// The same under a sanitizer that finds leaks and what is used after it was freed.
pub(crate) fn run_asan(options: &[&str]) -> Result {
    let target = workspace::root().join("target").join("asan");
    let target = target.to_string_lossy();
    let variables = [
        // The standard library comes without the sanitizer, which is no matter for this one.
        (
            "RUSTFLAGS",
            "-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer",
        ),
        ("ASAN_OPTIONS", "detect_leaks=1"),
    ];
    // With a target, build scripts and macros do without it.
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

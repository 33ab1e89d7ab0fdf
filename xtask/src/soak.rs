//! Soaking the pools, optimised, for as long as one likes.

use crate::{Result, workspace};

/// Hands the options to the example that does it.
pub(crate) fn run(options: &[&str]) -> Result {
    workspace::run(
        &[
            &[
                "run",
                "--quiet",
                "--release",
                "-p",
                "soiree-testkit",
                "--example",
                "soak",
                "--",
            ],
            options,
        ]
        .concat(),
    )
}

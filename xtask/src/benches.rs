//! Building and running what measures soiree.

use std::path::{Path, PathBuf};

use crate::{Result, workspace};

const PACKAGE: [&str; 4] = ["--profile", "bench", "--package", "soiree-benches"];

/// Measures soiree beside others, and writes down what came out.
pub(crate) fn report(options: &[&str]) -> Result {
    let peers = ["--features", "peers"];
    workspace::run(&[&["build", "--bins"], &PACKAGE[..], &peers].concat())?;
    let run = ["run", "--quiet", "--bin", "bench-report"];
    workspace::run(&[&run, &PACKAGE[..], &peers, &["--"], options].concat())
}

/// Builds the program that runs single workloads, without those of other crates, and says where it is.
pub(crate) fn contender() -> Result<PathBuf> {
    let bin = ["build", "--quiet", "--bin", "contender"];
    // A directory of its own, since it is not the one that the report has built.
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .ok_or("cargo metadata names no target directory")?;
    let target = Path::new(target).join("instructions");
    let folder = target.to_string_lossy();
    workspace::run(&[&bin, &PACKAGE[..], &["--target-dir", &folder]].concat())?;
    Ok(target.join("release").join("contender"))
}

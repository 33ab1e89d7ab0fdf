//! Building and running what measures soiree.

use std::path::{Path, PathBuf};

use crate::result::Result;
use crate::workspace;

const PACKAGE: [&str; 4] = ["--profile", "bench", "--package", "soiree-benches"];

/// Measures soiree beside others, and writes down what came out.
pub(crate) fn report(options: &[&str]) -> Result {
    let peers = ["--features", "peers"];
    workspace::run(&[&["build", "--bins"], &PACKAGE[..], &peers].concat())?;
    let run = ["run", "--quiet", "--bin", "bench-report"];
    workspace::run(&[&run, &PACKAGE[..], &peers, &["--"], options].concat())
}

/// Builds the program that runs single workloads in this profile, without those of other crates, and says where it is.
pub(crate) fn contender(profile: &str) -> Result<PathBuf> {
    let bin = ["build", "--quiet", "--bin", "contender"];
    let package = ["--profile", profile, "--package", "soiree-benches"];
    // A directory of its own, since it is not the one that the report has built.
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .ok_or("cargo metadata names no target directory")?;
    let target = Path::new(target).join("instructions");
    let folder = target.to_string_lossy();
    workspace::run(&[&bin[..], &package, &["--target-dir", &folder]].concat())?;
    // Cargo builds its profile `bench` where it builds `release`.
    let built = if profile == "bench" {
        "release"
    } else {
        profile
    };
    Ok(target.join(built).join("contender"))
}

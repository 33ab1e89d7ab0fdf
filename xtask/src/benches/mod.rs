//! Builds and runs the benchmarks.

mod chapter;
mod dependencies;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::result::Result;
use crate::workspace;

const PACKAGE: [&str; 4] = ["--profile", "bench", "--package", "soiree-benches"];

/// The program that runs cases, with the crates that soiree is compared with, as users build by default.
const WITHOUT_LTO: [&str; 8] = [
    "--profile",
    "no-lto",
    "--package",
    "soiree-benches",
    "--bin",
    "subject",
    "--features",
    "peers",
];

/// Measures soiree and other crates, and writes BENCHMARKS.md.
///
/// The chapter on dependencies is made here, as it measures Cargo. `--dependencies` makes that one alone, and `--durable` the one on durable
/// events.
pub(crate) fn report(options: &[&str]) -> Result {
    if options == ["--dependencies"] {
        return dependencies::write_chapter();
    }
    let durable = if has_nats_server() { "nats" } else { "durable" };
    if options == ["--durable"] {
        return write_durable(durable);
    }
    let features = format!("peers,mimalloc,{durable}");
    let peers = ["--features", &features];
    workspace::run(&[&["build", "--bins"], &PACKAGE[..], &peers].concat())?;
    workspace::run(&[&["build"], &WITHOUT_LTO[..]].concat())?;
    let run = ["run", "--quiet", "--bin", "bench-report"];
    workspace::run(&[&run, &PACKAGE[..], &peers, &["--"], options].concat())?;
    // With any of these, the report is printed and not written.
    let is_partial = ["--quick", "--only", "--help", "-h"];
    match options.iter().any(|option| is_partial.contains(option)) {
        true => Ok(()),
        false => dependencies::write_chapter(),
    }
}

fn has_nats_server() -> bool {
    let server = std::env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into());
    let found = Command::new(server).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

fn write_durable(features: &str) -> Result {
    let program = ["run", "--quiet", "--bin", "durable", "--features", features];
    let args = [&program, &PACKAGE[..], &["--", "--chapter", "--queues"]].concat();
    let output = workspace::cargo()
        .args(args)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("durable: {}", output.status).into());
    }
    chapter::write(&String::from_utf8(output.stdout)?)
}

/// Builds the program that runs a single case, in this profile. Returns its path.
pub(crate) fn subject_program(profile: &str) -> Result<PathBuf> {
    let bin = ["build", "--quiet", "--bin", "subject"];
    let package = ["--profile", profile, "--package", "soiree-benches"];
    // A directory of its own, because the report builds the same program with other features.
    let target = workspace::target()?.join("instructions");
    let folder = target.to_string_lossy();
    workspace::run(&[&bin[..], &package, &["--target-dir", &folder]].concat())?;
    // Cargo puts programs of the profile `bench` into the folder `release`.
    let built = if profile == "bench" {
        "release"
    } else {
        profile
    };
    Ok(target.join(built).join("subject"))
}

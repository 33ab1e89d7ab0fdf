//! Builds and runs the benchmarks.

mod chapter;
mod dependencies;

use std::path::{Path, PathBuf};
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
/// The chapter on dependencies is made here, as it measures Cargo. `--dependencies` makes that one alone, `--durable` the one on durable
/// events, `--features` the one on what features cost, and `--growth` the one on how costs grow.
pub(crate) fn report(options: &[&str]) -> Result {
    if options == ["--dependencies"] {
        return dependencies::write_chapter();
    }
    let durable = if has_nats_server() { "nats" } else { "durable" };
    if options == ["--durable"] {
        return write_chapter(&run(durable, "durable", &["--chapter", "--queues"]));
    }
    if let ["--growth", quick @ ..] = options {
        return measure_growth(quick);
    }
    let features = format!("peers,mimalloc,growth,{durable}");
    let peers = ["--features", &features];
    workspace::run(&[&["build", "--bins"], &PACKAGE[..], &peers].concat())?;
    let is_of_features = options.contains(&"--features");
    if is_of_features || !options.contains(&"--only") {
        build_feature_sets()?;
    }
    if !is_of_features {
        workspace::run(&[&["build"], &WITHOUT_LTO[..]].concat())?;
    }
    let report = run(&features, "bench-report", options);
    if options == ["--features"] {
        return write_chapter(&report);
    }
    workspace::run(&report)?;
    // With any of these, the report is printed and not written.
    let is_partial = ["--quick", "--only", "--features", "--help", "-h"];
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

/// The Cargo command that runs a program of the benchmarks.
fn run<'a>(features: &'a str, program: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "--quiet", "--bin", program, "--features", features];
    [&run, &PACKAGE[..], &["--"], args].concat()
}

/// Measures how costs grow, and puts that chapter into BENCHMARKS.md and its plots next to the others; only prints it with options.
fn measure_growth(options: &[&str]) -> Result {
    let programs = ["--bin", "growth", "--bin", "memory", "--features", "growth"];
    workspace::run(&[&["build"], &programs[..], &PACKAGE].concat())?;
    if !options.is_empty() {
        return workspace::run(&run("growth", "growth", options));
    }
    let plots = workspace::root().join("benches/plots");
    let plots = plots.to_string_lossy();
    write_chapter(&run("growth", "growth", &["--plots", &plots]))
}

/// Runs a Cargo command, and puts the chapter that it prints into BENCHMARKS.md.
fn write_chapter(command: &[&str]) -> Result {
    let output = workspace::cargo()
        .args(command)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo {}: {}", command.join(" "), output.status).into());
    }
    chapter::write(&String::from_utf8(output.stdout)?)
}

/// Builds the program that runs a single case with no more features of soiree than those that programs have by default, and with more.
fn build_feature_sets() -> Result {
    subject_program("no-lto")?;
    for (folder, features) in [("tracing", "tracing"), ("all", "all-of-soiree")] {
        let target = workspace::target()?.join("features").join(folder);
        build_subject("no-lto", &target, &["--features", features])?;
    }
    Ok(())
}

fn build_subject(profile: &str, target: &Path, features: &[&str]) -> Result {
    let bin = ["build", "--quiet", "--bin", "subject"];
    let package = ["--profile", profile, "--package", "soiree-benches"];
    let folder = target.to_string_lossy();
    let target = ["--target-dir", &folder];
    workspace::run(&[&bin[..], &package, &target, features].concat())
}

/// Builds the program that runs a single case, in this profile. Returns its path.
pub(crate) fn subject_program(profile: &str) -> Result<PathBuf> {
    // A directory of its own, because the report builds the same program with other features.
    let target = workspace::target()?.join("instructions");
    build_subject(profile, &target, &[])?;
    // Cargo puts programs of the profile `bench` into the folder `release`.
    let built = if profile == "bench" {
        "release"
    } else {
        profile
    };
    Ok(target.join(built).join("subject"))
}

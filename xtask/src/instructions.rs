//! Counts the instructions of an emit, to notice slower code without measuring time.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::benches;
use crate::result::Result;

/// A workload and its bounds: how many times the instructions of the reference it may take in each build.
struct Guarded {
    workload: &'static str,
    with_lto: f64,
    without_lto: f64,
}

/// How the program is built. It decides how much of a library is inlined into its callers.
struct Build {
    name: &'static str,
    profile: &'static str,
    bound: fn(&Guarded) -> f64,
}

const BUILDS: [Build; 2] = [
    Build {
        name: "fat LTO, 1 codegen unit",
        profile: "bench",
        bound: |guarded| guarded.with_lto,
    },
    // The default of `cargo build --release`.
    Build {
        name: "no LTO, 16 codegen units",
        profile: "no-lto",
        bound: |guarded| guarded.without_lto,
    },
];

/// A bare loop over a map of listeners behind a lock. Its count changes only with the standard library.
const REFERENCE: (&str, &str) = ("sync-1", "RwLock loop");

const GUARDED: [Guarded; 7] = [
    Guarded {
        workload: "sync-1",
        with_lto: 1.2,
        without_lto: 1.35,
    },
    Guarded {
        workload: "sync-10",
        with_lto: 2.0,
        without_lto: 2.65,
    },
    Guarded {
        workload: "sync-100",
        with_lto: 9.0,
        without_lto: 15.7,
    },
    Guarded {
        workload: "sync-read-10",
        with_lto: 5.0,
        without_lto: 7.0,
    },
    Guarded {
        workload: "hot-10",
        with_lto: 1.5,
        without_lto: 1.65,
    },
    Guarded {
        workload: "hot-1000",
        with_lto: 1.5,
        without_lto: 1.55,
    },
    Guarded {
        workload: "emit-one-thread",
        with_lto: 6.3,
        without_lto: 7.6,
    },
];

/// Counts in every build, and fails if a workload takes more than its bound.
pub(crate) fn run() -> Result {
    if !is_installed(OsStr::new("valgrind")) {
        let skipped = "instructions: skipped, because valgrind is not installed";
        if std::env::var_os("SOIREE_TESTS_MUST_RUN").is_some() {
            return Err(skipped.into());
        }
        println!("{skipped}");
        return Ok(());
    }
    let mut above = 0;
    for build in &BUILDS {
        above += count_build(build)?;
    }
    match above {
        0 => Ok(()),
        count => Err(format!("instructions: {count} workloads take too many").into()),
    }
}

/// Returns how many workloads take too many instructions in this build.
fn count_build(build: &Build) -> Result<usize> {
    let program = benches::subject_program(build.profile)?;
    let reference = per_op(&program, REFERENCE.0, REFERENCE.1)?;
    let (workload, subject) = REFERENCE;
    println!("{}:", build.name);
    println!("  {workload} of {subject}: {reference:.0} instructions");
    let mut above = 0;
    for guarded in &GUARDED {
        let found = per_op(&program, guarded.workload, "soiree")?;
        let (ratio, most) = (found / reference, (build.bound)(guarded));
        let too_many = ratio > most;
        above += usize::from(too_many);
        println!(
            "  {}: {found:.0} instructions, {ratio:.2} times the reference, at most {most:.2}{}",
            guarded.workload,
            if too_many { ": TOO MANY" } else { "" }
        );
    }
    Ok(above)
}

fn is_installed(program: &OsStr) -> bool {
    let status = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Instructions per operation: the difference between many and few operations, so that the setup is not counted.
/// Does not work with 100,000 patterns: hashes are seeded per process, so the instructions of the setup vary by more than the
/// operations take.
fn per_op(program: &Path, workload: &str, subject: &str) -> Result<f64> {
    const FEW: u64 = 2_000;
    const MANY: u64 = 32_000;
    let [few, many] = [FEW, MANY].map(|ops| count(program, workload, subject, ops));
    Ok((many? - few?) / (MANY - FEW) as f64)
}

fn count(program: &Path, workload: &str, subject: &str, ops: u64) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["once", workload, subject, &ops.to_string()])
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "{workload} of {subject} under valgrind: {}\n{log}",
            output.status
        )
        .into());
    }
    collected(&log).ok_or_else(|| format!("valgrind did not count {workload}:\n{log}").into())
}

fn collected(log: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains("Collected :"))?;
    line.split(':').next_back()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_valgrind_is_found() {
        let log =
            "==1== Events    : Ir\n==1== Collected : 1234567\n==1== \n==1== I   refs:  1,234,567\n";
        assert_eq!(collected(log), Some(1_234_567.0));
        assert_eq!(collected("==1== no such tool"), None);
    }
}

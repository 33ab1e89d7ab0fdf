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
        with_lto: 0.92,
        without_lto: 1.12,
    },
    Guarded {
        workload: "sync-10",
        with_lto: 1.55,
        without_lto: 1.85,
    },
    Guarded {
        workload: "sync-100",
        with_lto: 7.9,
        without_lto: 9.2,
    },
    Guarded {
        workload: "sync-read-10",
        with_lto: 2.65,
        without_lto: 2.95,
    },
    Guarded {
        workload: "hot-10",
        with_lto: 1.1,
        without_lto: 1.3,
    },
    Guarded {
        workload: "hot-1000",
        with_lto: 1.1,
        without_lto: 1.3,
    },
    Guarded {
        workload: "emit-one-thread",
        with_lto: 5.2,
        without_lto: 6.0,
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

/// Instructions per operation.
fn per_op(program: &Path, workload: &str, subject: &str) -> Result<f64> {
    let output = Command::new(program)
        .args(["instructions", workload, subject])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("counting {workload} of {subject}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

//! Runs random operations on the pools, or on an `EventPool` with everything that it has.

use crate::result::Result;
use crate::workspace;

const EXAMPLE: [&str; 5] = ["--release", "-p", "soiree-testkit", "--example", "soak"];

/// Runs the example `soak` with these options.
pub(crate) fn run(options: &[&str]) -> Result {
    workspace::run(&[&["run", "--quiet"], &EXAMPLE[..], &["--"], options].concat())
}

const EVENTS_HELP: &str = "\
Runs random operations on an EventPool: emits of every kind, listeners of every kind, settings, bulkheads and closes.
Checks that each accepted emission has one report, that all sums are exact, and that no memory and no thread is left.

Usage: cargo xtask soak events [OPTIONS]

Options:
  --seconds N        how long [60]
  --threads N        how many threads emit [4]
  --seed N           the seed of all operations [random]
  --round N          the round of the seed to start with [0]
  --stall-timeout N  after how many seconds without progress a round counts as hung [60]
  --release          without debug assertions
  --help             print this

A failure prints its seed, its round, and what did not add up. The seed decides the operations, not how threads
interleave: a failure may need several runs of its seed to show again.
";

/// Runs the test `soak` of the facade with these options.
pub(crate) fn run_events(options: &[&str]) -> Result {
    if options.contains(&"--help") {
        print!("{EVENTS_HELP}");
        return Ok(());
    }
    let (variables, is_release) = variables(options)?;
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let test = [
        "-p",
        "soiree",
        "--all-features",
        "--test",
        "soak",
        "--",
        "--nocapture",
    ];
    let profile: &[&str] = if is_release { &["--release"] } else { &[] };
    workspace::run_with(&variables, &[&["test", "--quiet"], profile, &test].concat())
}

/// The environment variables for the options, and whether they ask for a release build.
fn variables(options: &[&str]) -> Result<(Vec<(String, String)>, bool)> {
    let mut variables = vec![(String::from("SOIREE_SOAK_SECONDS"), String::from("60"))];
    let mut is_release = false;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--release" => is_release = true,
            "--seconds" | "--threads" | "--seed" | "--round" | "--stall-timeout" => {
                let value = options.next().ok_or(format!("{option} needs a number"))?;
                let number: u64 = value
                    .parse()
                    .map_err(|error| format!("{option} {value}: {error}"))?;
                let name = option[2..].replace('-', "_").to_uppercase();
                variables.push((format!("SOIREE_SOAK_{name}"), number.to_string()));
            }
            _ => return Err(format!("{option}: no such option\n\n{EVENTS_HELP}").into()),
        }
    }
    Ok((variables, is_release))
}

/// Runs the soak of the pools under a sanitizer that finds leaks and uses of freed memory.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_variables() {
        let (variables, is_release) =
            variables(&["--release", "--seed", "7", "--stall-timeout", "9"]).unwrap();
        let shown: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "SOIREE_SOAK_SECONDS=60",
                "SOIREE_SOAK_SEED=7",
                "SOIREE_SOAK_STALL_TIMEOUT=9"
            ]
        );
        assert!(is_release);
    }

    #[test]
    fn a_wrong_option_is_named() {
        for (options, named) in [
            (&["--sed", "7"][..], "--sed: no such option"),
            (&["--seed"], "--seed needs a number"),
            (&["--seed", "-1"], "--seed -1"),
        ] {
            let error = variables(options).unwrap_err().to_string();
            assert!(error.starts_with(named), "{error}");
        }
    }
}

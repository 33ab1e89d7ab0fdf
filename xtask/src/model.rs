//! Runs the worker pool, the engine and the outbox under a model checker, in its own build: `--cfg soiree_model` replaces the sync primitives.

use std::env;
use std::path::Path;

use crate::result::Result;
use crate::workspace;

const FLAG: &str = "--cfg soiree_model";
const SCHEDULES: &str = "SOIREE_MODEL_SCHEDULES";

/// Which scenarios to run, and how many schedules of each.
#[derive(Debug, Default, PartialEq)]
struct Selection {
    schedules: Option<String>,
    scenarios: Vec<String>,
}

/// Runs all scenarios, or those with one of the given words in their names.
pub(crate) fn run(args: &[&str]) -> Result {
    let selected = parse(args)?;
    let mut variables = variables()?;
    variables.extend(selected.schedules.map(|number| (SCHEDULES, number)));
    let packages = ["--package", "soiree-engine", "--package", "soiree-pool"];
    let mut command = [
        &["test", "--release"],
        &packages[..],
        &["--test", "model", "--"],
    ]
    .concat();
    command.extend(selected.scenarios.iter().map(String::as_str));
    run_cargo(&variables, &command)?;
    // Scenarios that call what is not public.
    let mut command = vec![
        "test",
        "--release",
        "--package",
        "soiree-engine",
        "--package",
        "soiree-outbox",
        "--lib",
        "--",
    ];
    command.extend(selected.scenarios.iter().map(String::as_str));
    run_cargo(&variables, &command)
}

/// Runs Clippy on the code that only this build compiles.
pub(crate) fn lint() -> Result {
    const PACKAGES: [&str; 3] = ["soiree-core", "soiree-engine", "soiree-pool"];
    let mut command = vec!["clippy"];
    command.extend(PACKAGES.iter().flat_map(|package| ["--package", package]));
    command.extend(["--lib", "--test", "model", "--", "-D", "warnings"]);
    run_cargo(&variables()?, &command)?;
    let libs = ["--package", "soiree-engine", "--package", "soiree-outbox"];
    let command = [
        &["clippy"],
        &libs[..],
        &["--lib", "--tests", "--", "-D", "warnings"],
    ]
    .concat();
    run_cargo(&variables()?, &command)
}

fn run_cargo(variables: &[(&str, String)], command: &[&str]) -> Result {
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    workspace::run_with(&variables, command)
}

fn variables() -> Result<Vec<(&'static str, String)>> {
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .ok_or("cargo metadata names no target directory")?;
    // Its own directory, so that the other flags do not rebuild everything in the usual one.
    let target = Path::new(target).join("model");
    Ok(vec![
        ("RUSTFLAGS", with_flag(env::var("RUSTFLAGS").ok())),
        ("CARGO_TARGET_DIR", target.display().to_string()),
        ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true".into()),
    ])
}

fn with_flag(flags: Option<String>) -> String {
    match flags.as_deref().map(str::trim) {
        None | Some("") => FLAG.into(),
        Some(flags) => format!("{flags} {FLAG}"),
    }
}

fn parse(args: &[&str]) -> Result<Selection> {
    let mut selected = Selection::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if *arg == "--schedules" {
            let number = args.next().ok_or("--schedules needs a number")?;
            number
                .parse::<usize>()
                .map_err(|error| format!("--schedules {number}: {error}"))?;
            selected.schedules = Some((*number).into());
        } else if arg.starts_with('-') {
            return Err(format!("cargo xtask model has no option {arg}").into());
        } else {
            selected.scenarios.push((*arg).into());
        }
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_already_set_are_kept() {
        assert_eq!(with_flag(None), "--cfg soiree_model");
        assert_eq!(with_flag(Some(" ".into())), "--cfg soiree_model");
        let both = with_flag(Some("-C opt-level=1".into()));
        assert_eq!(both, "-C opt-level=1 --cfg soiree_model");
    }

    #[test]
    fn scenarios_and_the_number_of_schedules_can_be_selected() {
        assert_eq!(parse(&[]).unwrap(), Selection::default());
        let selected = parse(&["races", "--schedules", "9"]).unwrap();
        assert_eq!(selected.schedules.as_deref(), Some("9"));
        assert_eq!(selected.scenarios, ["races"]);
        for rejected in [&["--schedules"][..], &["--schedules", "many"], &["--fast"]] {
            assert!(parse(rejected).is_err(), "{rejected:?}");
        }
    }
}

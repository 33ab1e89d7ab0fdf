//! The worker pool under a model checker, in a build of its own: `--cfg soiree_model` swaps its sync primitives.

use std::env;
use std::path::Path;

use crate::result::Result;
use crate::workspace;

const FLAG: &str = "--cfg soiree_model";
const SCHEDULES: &str = "SOIREE_MODEL_SCHEDULES";

/// What is to be run, and how often.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    schedules: Option<String>,
    scenarios: Vec<String>,
}

/// Runs the scenarios, or those whose name contains one of the words given.
pub(crate) fn run(args: &[&str]) -> Result {
    let asked = parse(args)?;
    let mut variables = variables()?;
    variables.extend(asked.schedules.map(|number| (SCHEDULES, number)));
    let package = ["--package", "soiree-pool", "--test", "model"];
    let mut command = [&["test", "--release"], &package[..], &["--"]].concat();
    command.extend(asked.scenarios.iter().map(String::as_str));
    checked(&variables, &command)
}

/// Clippy for what only that build compiles.
pub(crate) fn lint() -> Result {
    const PACKAGES: [&str; 3] = ["soiree-core", "soiree-engine", "soiree-pool"];
    let mut command = vec!["clippy"];
    command.extend(PACKAGES.iter().flat_map(|package| ["--package", package]));
    command.extend(["--lib", "--test", "model", "--", "-D", "warnings"]);
    checked(&variables()?, &command)
}

fn checked(variables: &[(&str, String)], command: &[&str]) -> Result {
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
    // A directory of its own, since other flags build everything anew.
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

fn parse(args: &[&str]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if *arg == "--schedules" {
            let number = args.next().ok_or("--schedules wants a number")?;
            number
                .parse::<usize>()
                .map_err(|error| format!("--schedules {number}: {error}"))?;
            asked.schedules = Some((*number).into());
        } else if arg.starts_with('-') {
            return Err(format!("cargo xtask model knows no {arg}").into());
        } else {
            asked.scenarios.push((*arg).into());
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_are_set_already_are_kept() {
        assert_eq!(with_flag(None), "--cfg soiree_model");
        assert_eq!(with_flag(Some(" ".into())), "--cfg soiree_model");
        let both = with_flag(Some("-C opt-level=1".into()));
        assert_eq!(both, "-C opt-level=1 --cfg soiree_model");
    }

    #[test]
    fn scenarios_and_a_number_of_schedules_may_be_asked_for() {
        assert_eq!(parse(&[]).unwrap(), Asked::default());
        let asked = parse(&["races", "--schedules", "9"]).unwrap();
        assert_eq!(asked.schedules.as_deref(), Some("9"));
        assert_eq!(asked.scenarios, ["races"]);
        for refused in [&["--schedules"][..], &["--schedules", "many"], &["--fast"]] {
            assert!(parse(refused).is_err(), "{refused:?}");
        }
    }
}

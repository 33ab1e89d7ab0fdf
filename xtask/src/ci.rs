//! Every check, cheap ones first, tests last.

use crate::result::Result;
use crate::{arrows, book, instructions, model, tidy, workspace};

/// Runs the checks in order, and stops at the first that fails.
pub(crate) fn run(tests: bool) -> Result {
    workspace::run(&["fmt", "--all", "--check"])?;
    workspace::run(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])?;
    for selection in feature_selections()? {
        let selection: Vec<&str> = selection.iter().map(String::as_str).collect();
        let lints: &[&str] = &["--", "-D", "warnings"];
        workspace::run(&[&["clippy", "-p", "soiree", "--lib"], &selection[..], lints].concat())?;
    }
    model::lint()?;
    book::run()?;
    eprintln!("$ cargo xtask arrows");
    arrows::run()?;
    eprintln!("$ cargo xtask tidy");
    tidy::run()?;
    if tests {
        model::run(&[])?;
        instructions::run()?;
        workspace::run(&["test", "--workspace", "--all-features"])?;
    }
    Ok(())
}

/// The facade must build with no feature, with each alone, and with all.
fn feature_selections() -> Result<Vec<Vec<String>>> {
    let metadata = workspace::metadata()?;
    let facade = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "soiree")
        .ok_or("cargo metadata lists no crate soiree")?;
    let features = facade["features"].as_object().into_iter().flatten();
    Ok(selections(features.map(|(name, _)| name.as_str())))
}

fn selections<'a>(features: impl Iterator<Item = &'a str>) -> Vec<Vec<String>> {
    let none = vec![String::from("--no-default-features")];
    let mut selections = vec![none.clone()];
    for feature in features {
        let alone = ["--features".into(), feature.into()];
        selections.push([none.as_slice(), &alone].concat());
    }
    selections.push(vec!["--all-features".into()]);
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_checked_none_each_alone_and_all() {
        let lines: Vec<String> = selections(["pool", "rayon"].into_iter())
            .iter()
            .map(|selection| selection.join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "--no-default-features",
                "--no-default-features --features pool",
                "--no-default-features --features rayon",
                "--all-features",
            ]
        );
    }
}

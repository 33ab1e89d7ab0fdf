//! The steps of a release, up to the upload.

mod checks;
mod packages;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

/// The crate that programs depend on. The doctests of its package are those of the guides.
const FACADE: &str = "soiree";

/// Packages every published crate, builds each from its package, runs the doctests of the facade's package, and prints what is left to do.
///
/// `options` go to `cargo package`.
pub(crate) fn dry_run(options: &[&str]) -> Result {
    let metadata = workspace::metadata()?;
    let crates = published(&metadata);
    let order = in_order(&crates)?;
    let version = common_version(&metadata, &order)?;
    let table = fs::read_to_string(workspace::root().join("CONTRIBUTING.md"))?;
    let missing = checks::manifests(&metadata, &order, &table)?;

    let selected: Vec<&str> = order.iter().flat_map(|name| ["-p", name]).collect();
    // Without Cargo's own builds of the packages: it unpacks the packages that others need by name and version, and does not notice that
    // they have changed since the last time (Cargo 1.95).
    let package = ["package", "--quiet", "--no-verify"];
    workspace::run(&[&package[..], options, &selected[..]].concat()).map_err(|error| {
        format!("{error}\nCommit first, or add --allow-dirty, if the reason is what has changed since the last commit.")
    })?;
    let packages = packages::unpack(&order, &version)?;
    checks::files(&packages, &order, &version)?;
    checks::features(&metadata, &packages, &order, &version)?;
    for name in &order {
        packages.run(&["check", "--quiet", "-p", name])?;
    }
    packages.run(&["test", "--quiet", "--doc", "--all-features", "-p", FACADE])?;

    println!(
        "all {} packages of version {version} build. What is left:",
        order.len()
    );
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    if !has_section(&changelog, &version) {
        println!("  CHANGELOG.md has no section for {version}: rename \"Unreleased\"");
    }
    for missing in missing {
        println!("  {missing}");
    }
    println!("  git tag v{version}");
    for name in order {
        println!("  cargo publish -p {name}");
    }
    Ok(())
}

/// The published crates, each with those of them that it needs at least once to be built or tested.
fn published(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let all = metadata["packages"].as_array().into_iter().flatten();
    let published: Vec<&Value> = all.filter(|package| package["publish"].is_null()).collect();
    let names: Vec<&str> = published
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    let needs = |package: &'_ Value| -> Vec<&str> {
        let listed = package["dependencies"].as_array().into_iter().flatten();
        // What is needed for tests alone, and has no version, is left out of the package.
        let kept = listed.filter(|it| it["kind"] != "dev" || it["req"] != "*");
        let wanted: Vec<&str> = kept.filter_map(|it| it["name"].as_str()).collect();
        names
            .iter()
            .copied()
            .filter(|name| wanted.contains(name))
            .collect()
    };
    let named = published
        .iter()
        .filter_map(|it| Some((it["name"].as_str()?, needs(it))));
    named.collect()
}

/// The crates, each after those that it needs.
fn in_order<'a>(crates: &BTreeMap<&'a str, Vec<&'a str>>) -> Result<Vec<&'a str>> {
    let mut order: Vec<&str> = Vec::new();
    while order.len() < crates.len() {
        let is_ready = |(name, needs): &(&&'a str, &Vec<&'a str>)| {
            !order.contains(*name) && needs.iter().all(|needed| order.contains(needed))
        };
        match crates.iter().find(is_ready) {
            Some((name, _)) => order.push(name),
            None => return Err("the published crates need each other in a circle".into()),
        }
    }
    Ok(order)
}

fn common_version(metadata: &Value, names: &[&str]) -> Result<String> {
    let all = metadata["packages"].as_array().into_iter().flatten();
    let published = all.filter(|it| {
        it["name"]
            .as_str()
            .is_some_and(|name| names.contains(&name))
    });
    let mut versions: Vec<&str> = published.filter_map(|it| it["version"].as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    match versions[..] {
        [version] => Ok(version.into()),
        _ => Err(format!(
            "the crates have different versions: {}",
            versions.join(", ")
        )
        .into()),
    }
}

fn has_section(changelog: &str, version: &str) -> bool {
    let mut headings = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    headings.any(|heading| heading.split([' ', ',']).next() == Some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_published_after_those_that_it_needs() {
        let crates = BTreeMap::from([("a", vec!["c"]), ("b", vec![]), ("c", vec!["b"])]);
        assert_eq!(in_order(&crates).unwrap(), ["b", "c", "a"]);

        let circle = BTreeMap::from([("a", vec!["b"]), ("b", vec!["a"])]);
        assert!(in_order(&circle).is_err());
    }

    #[test]
    fn the_changelog_has_a_section_for_a_version() {
        let changelog = "# Changelog\n\n## 0.1.10\n\n## 0.2.0 (2026-12-01)\n";
        assert!(has_section(changelog, "0.2.0"));
        assert!(!has_section(changelog, "0.1.1"));
    }
}

//! The steps of a release, up to the upload.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

/// The crate that programs depend on. The doctests of its package are those of the guides.
const FACADE: &str = "soiree";

/// Packages every published crate, builds each from its package, runs the doctests of the facade's package, and prints what is left to do.
pub(crate) fn dry_run() -> Result {
    let metadata = workspace::metadata()?;
    let crates = published(&metadata);
    let order = in_order(&crates)?;
    let version = common_version(&metadata, &order)?;
    check_changelog(&version)?;

    let selected: Vec<&str> = order.iter().flat_map(|name| ["-p", name]).collect();
    workspace::run(&[&["package"], &selected[..]].concat())?;
    test_docs(&order, &version)?;

    println!("all packages of version {version} build. What is left:");
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

fn check_changelog(version: &str) -> Result {
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let headings: Vec<&str> = changelog
        .lines()
        .filter_map(|it| it.strip_prefix("## "))
        .collect();
    if headings.iter().any(|heading| heading.starts_with(version)) {
        return Ok(());
    }
    println!("note: CHANGELOG.md has no section for {version} yet: rename \"Unreleased\"");
    Ok(())
}

/// As a user's program would see them: from the package, and with the other packages in place of published crates.
fn test_docs(names: &[&str], version: &str) -> Result {
    let packages = workspace::root().join("target/package");
    let patches: Vec<String> = names
        .iter()
        .filter(|name| **name != FACADE)
        .map(|name| {
            let path = packages.join(format!("{name}-{version}"));
            format!(
                "patch.crates-io.{name}.path={:?}",
                path.display().to_string()
            )
        })
        .collect();
    let manifest = packages.join(format!("{FACADE}-{version}/Cargo.toml"));
    let manifest = manifest.display().to_string();
    let target = workspace::root().join("target").display().to_string();
    let mut args = vec![
        "test",
        "--doc",
        "--all-features",
        "--manifest-path",
        &manifest,
    ];
    args.extend(["--target-dir", &target]);
    for patch in &patches {
        args.extend(["--config", patch]);
    }
    workspace::run(&args)
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
}

//! What a crate must have before it is published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::packages::Packages;
use crate::result::Result;

/// Checks the manifests of the crates. Returns what is missing and must be decided by a person.
///
/// `table` is the text that says which dependencies have types in the API.
///
/// # Errors
/// All faults that can be mended at once.
pub(super) fn manifests(metadata: &Value, names: &[&str], table: &str) -> Result<Vec<String>> {
    let all = metadata["packages"].as_array().into_iter().flatten();
    let published: Vec<&Value> = all
        .filter(|it| {
            it["name"]
                .as_str()
                .is_some_and(|name| names.contains(&name))
        })
        .collect();
    let mut faults: Vec<String> = published.iter().flat_map(|it| faults_of(it)).collect();
    faults.extend(shared_keywords(&published));
    faults.extend(unlisted_dependencies(&published, table));
    if !faults.is_empty() {
        return Err(format!("not ready to be published:\n{}", faults.join("\n")).into());
    }
    let without = published
        .iter()
        .filter(|it| it["repository"].is_null())
        .count();
    let missing = (without > 0).then(|| {
        format!("{without} crates have no `repository`: set it in [workspace.package] once there is an address")
    });
    Ok(missing.into_iter().collect())
}

fn faults_of(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let length = |key: &str| package[key].as_array().map_or(0, Vec::len);
    let docs = &package["metadata"]["docs"]["rs"];
    let wanted = [
        (package["license"].is_string(), "no license"),
        (package["description"].is_string(), "no description"),
        (package["readme"] == "README.md", "no README.md of its own"),
        (package["rust_version"].is_string(), "no rust-version"),
        (
            (1..=5).contains(&length("keywords")),
            "no keywords, or more than 5",
        ),
        (
            (1..=5).contains(&length("categories")),
            "no categories, or more than 5",
        ),
        (
            docs["all-features"] == true,
            "docs.rs would not document all features",
        ),
    ];
    let faults = wanted.iter().filter(|(is_right, _)| !is_right);
    faults
        .map(|(_, fault)| format!("{name}: {fault}"))
        .collect()
}

/// Keywords are for finding a crate, so no two have the same list.
fn shared_keywords(packages: &[&Value]) -> Vec<String> {
    let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        owners
            .entry(package["keywords"].to_string())
            .or_default()
            .push(name);
    }
    let shared = owners.values().filter(|names| names.len() > 1);
    shared
        .map(|names| format!("{}: the same keywords", names.join(", ")))
        .collect()
}

/// Somebody has to decide of each dependency whether its types may be in the API.
fn unlisted_dependencies(packages: &[&Value], table: &str) -> Vec<String> {
    let all = packages.iter().flat_map(|it| it["dependencies"].as_array());
    let normal = all.flatten().filter(|it| it["kind"].is_null());
    // Ours have a path. Those of the model checker have a target that no user has.
    let foreign = normal.filter(|it| it["path"].is_null() && it["target"] != "cfg(soiree_model)");
    let names: BTreeSet<&str> = foreign.filter_map(|it| it["name"].as_str()).collect();
    let unlisted = names
        .into_iter()
        .filter(|name| !table.contains(&format!("`{name}`")));
    unlisted
        .map(|name| {
            format!("{name}: CONTRIBUTING.md does not say whether its types are in the API")
        })
        .collect()
}

/// Checks that each crate names its features where users look: in its documentation and its README.
///
/// # Errors
/// All features that are missing.
pub(super) fn features(
    metadata: &Value,
    packages: &Packages,
    names: &[&str],
    version: &str,
) -> Result {
    let all = metadata["packages"].as_array().into_iter().flatten();
    let mut missing = Vec::new();
    for package in all {
        let name = package["name"].as_str().unwrap_or_default();
        if !names.contains(&name) {
            continue;
        }
        for file in ["src/lib.rs", "README.md"] {
            let text = fs::read_to_string(packages.folder(name, version).join(file))?;
            missing.extend(
                unnamed_features(package, &text)
                    .map(|it| format!("{name}: {file} does not name the feature {it}")),
            );
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("\n").into()),
    }
}

fn unnamed_features<'a>(package: &'a Value, text: &'a str) -> impl Iterator<Item = &'a str> {
    let features = package["features"].as_object().into_iter().flatten();
    let names = features
        .map(|(name, _)| name.as_str())
        .filter(|name| *name != "default");
    names.filter(move |name| !text.contains(&format!("`{name}`")))
}

/// Checks that each package holds what a user needs who has nothing else.
///
/// # Errors
/// All files that are missing.
pub(super) fn files(packages: &Packages, names: &[&str], version: &str) -> Result {
    let wanted = names.iter().flat_map(|name| {
        [
            "LICENSE",
            "README.md",
            "CHANGELOG.md",
            "Cargo.toml",
            "src/lib.rs",
        ]
        .map(|file| (name, file))
    });
    let missing: Vec<String> = wanted
        .filter(|(name, file)| !packages.folder(name, version).join(file).is_file())
        .map(|(name, file)| format!("the package of {name} has no {file}"))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("\n").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str) -> Value {
        json!({
            "name": name, "license": "Apache-2.0", "description": "A crate", "readme": "README.md", "rust_version": "1.85",
            "keywords": [name], "categories": ["concurrency"], "repository": "https://example.com",
            "metadata": { "docs": { "rs": { "all-features": true } } },
        })
    }

    #[test]
    fn a_crate_that_has_everything_can_be_published() {
        let metadata = json!({ "packages": [package("a"), package("b")] });
        assert_eq!(manifests(&metadata, &["a", "b"], "`b`").unwrap(), [""; 0]);
    }

    #[test]
    fn an_address_is_missing_and_no_fault() {
        let mut package = package("a");
        package["repository"] = Value::Null;
        let missing = manifests(&json!({ "packages": [package] }), &["a"], "").unwrap();
        assert!(
            missing[0].starts_with("1 crates have no `repository`"),
            "{missing:?}"
        );
    }

    #[test]
    fn a_dependency_that_no_table_lists_is_a_fault() {
        let mut package = package("a");
        package["dependencies"] = json!([
            { "name": "listed", "kind": null, "path": null, "target": null },
            { "name": "unlisted", "kind": null, "path": null, "target": "cfg(unix)" },
            { "name": "ours", "kind": null, "path": "/crates/ours", "target": null },
            { "name": "for-tests", "kind": "dev", "path": null, "target": null },
            { "name": "for-models", "kind": null, "path": null, "target": "cfg(soiree_model)" },
        ]);
        assert_eq!(
            unlisted_dependencies(&[&package], "| `listed` | no |"),
            ["unlisted: CONTRIBUTING.md does not say whether its types are in the API"]
        );
    }

    #[test]
    fn a_feature_that_a_text_does_not_name_is_found() {
        let package = json!({ "features": { "default": ["pool"], "pool": [], "json": [] } });
        let unnamed: Vec<&str> =
            unnamed_features(&package, "The feature `pool`, and json.").collect();
        assert_eq!(unnamed, ["json"]);
    }

    #[test]
    fn every_fault_is_named() {
        let (mut a, mut b) = (package("a"), package("b"));
        a["license"] = Value::Null;
        a["readme"] = json!("../README.md");
        a["metadata"] = Value::Null;
        b["keywords"] = json!(["a"]);
        let metadata = json!({ "packages": [a, b, { "name": "not-published" }] });
        let error = manifests(&metadata, &["a", "b"], "`b`")
            .unwrap_err()
            .to_string();
        let faults: Vec<&str> = error.lines().skip(1).collect();
        assert_eq!(
            faults,
            [
                "a: no license",
                "a: no README.md of its own",
                "a: docs.rs would not document all features",
                "a, b: the same keywords",
            ]
        );
    }
}

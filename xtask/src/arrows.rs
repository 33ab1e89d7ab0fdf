//! Which workspace crate may depend on which: everything points at `soiree-core`.

use std::path::Path;

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

const FACADE: &str = "soiree";
const CORE: &str = "soiree-core";
const POOL: &str = "soiree-pool";
/// Members that nobody depends on; they may use what they like.
const FREE: [&str; 2] = ["benches", "xtask"];

pub(crate) fn run() -> Result {
    let refused = check(&workspace::metadata()?);
    for line in &refused {
        eprintln!("{line}");
    }
    match refused.len() {
        0 => Ok(()),
        count => Err(format!("arrows: {count} refused").into()),
    }
}

/// One line for each dependency that is refused.
fn check(metadata: &Value) -> Vec<String> {
    let root = Path::new(text(&metadata["workspace_root"]));
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages
        .iter()
        .map(|package| text(&package["name"]))
        .collect();
    let mut refused = Vec::new();
    for package in packages {
        let manifest = Path::new(text(&package["manifest_path"]));
        let inside = manifest.strip_prefix(root).unwrap_or(manifest);
        if FREE.iter().any(|folder| inside.starts_with(folder)) {
            continue;
        }
        let from = text(&package["name"]);
        for dependency in list(&package["dependencies"]) {
            let to = text(&dependency["name"]);
            // Cargo gives a kind to dev- and build-dependencies only.
            if !members.contains(&to) || !dependency["kind"].is_null() {
                continue;
            }
            if let Err(rule) = permit(from, to, dependency["optional"] == true) {
                refused.push(format!("{from} -> {to}: {rule}"));
            }
        }
    }
    refused
}

/// Whether `from` may have `to` as a normal dependency, and the rule if not.
fn permit(from: &str, to: &str, optional: bool) -> std::result::Result<(), &'static str> {
    match (from, to) {
        (CORE, _) => Err("soiree-core depends on no crate of the workspace"),
        (_, CORE) | (FACADE, POOL) => Ok(()),
        (FACADE, to) if !to.starts_with("soiree-") => {
            Err("soiree depends on soiree-* crates alone")
        }
        (FACADE, _) if !optional => {
            Err("soiree depends on all but soiree-core and soiree-pool optionally")
        }
        (FACADE, _) => Ok(()),
        _ => Err("every crate but soiree depends on soiree-core alone"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_arrows_of_the_design_are_permitted() {
        assert_eq!(permit("soiree", "soiree-core", false), Ok(()));
        assert_eq!(permit("soiree", "soiree-pool", false), Ok(()));
        assert_eq!(permit("soiree", "soiree-testkit", true), Ok(()));
        assert_eq!(permit("soiree-pool", "soiree-core", false), Ok(()));
        assert_eq!(permit("soiree-testkit", "soiree-core", false), Ok(()));
    }

    #[test]
    fn every_other_arrow_is_refused() {
        for (from, to, optional) in [
            ("soiree", "soiree-tokio", false),
            ("soiree", "xtask", true),
            ("soiree-core", "soiree-pool", true),
            ("soiree-core", "soiree", false),
            ("soiree-pool", "soiree-testkit", true),
            ("soiree-tokio", "soiree-pool", true),
            ("soiree-tokio", "soiree", false),
        ] {
            assert!(permit(from, to, optional).is_err(), "{from} -> {to}");
        }
    }

    fn workspace(kind: Value, folder: &str) -> Value {
        let dependency = json!({ "name": "soiree-pool", "kind": kind, "optional": false });
        let foreign = json!({ "name": "serde", "kind": null, "optional": false });
        json!({ "workspace_root": "/w", "packages": [
            { "name": "soiree-pool", "manifest_path": "/w/crates/soiree-pool/Cargo.toml", "dependencies": [foreign] },
            { "name": "soiree-rayon", "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": [dependency] },
        ]})
    }

    #[test]
    fn a_refusal_names_crate_dependency_and_rule() {
        assert_eq!(
            check(&workspace(Value::Null, "crates/soiree-rayon")),
            ["soiree-rayon -> soiree-pool: every crate but soiree depends on soiree-core alone"]
        );
    }

    #[test]
    fn dev_and_build_dependencies_and_free_members_are_not_looked_at() {
        assert!(check(&workspace(json!("build"), "crates/soiree-rayon")).is_empty());
        assert!(check(&workspace(json!("dev"), "crates/soiree-rayon")).is_empty());
        assert!(check(&workspace(Value::Null, "benches/rayon")).is_empty());
    }
}

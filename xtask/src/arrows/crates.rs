//! Which workspace crate may depend on which.

use std::path::Path;

use serde_json::Value;

const FACADE: &str = "soiree";
/// The folders of members that may depend on every crate, and that no crate depends on.
const FREE: [&str; 5] = ["benches", "compile-tests", "examples", "programs", "xtask"];

/// Each crate, and the workspace crates that it may depend on, bottom to top.
const TABLE: [(&str, &[&str]); 15] = [
    ("soiree-core", &[]),
    ("soiree-engine", &["soiree-core"]),
    ("soiree-bounded", &["soiree-core"]),
    ("soiree-pool", &["soiree-core"]),
    ("soiree-metrics", &["soiree-core"]),
    ("soiree-testkit", &["soiree-core"]),
    ("soiree-sqlite", &["soiree-core"]),
    ("soiree-postgres", &["soiree-core"]),
    ("soiree-pond", &["soiree-core", "soiree-bounded"]),
    ("soiree-rayon", &["soiree-core", "soiree-bounded"]),
    ("soiree-tokio", &["soiree-core", "soiree-bounded"]),
    ("soiree-inbox", &["soiree-core", "soiree-engine"]),
    ("soiree-outbox", &["soiree-core", "soiree-engine"]),
    ("soiree-nats", &["soiree-core", "soiree-engine"]),
    // And, optionally, on every other crate of the table.
    (
        FACADE,
        &[
            "soiree-core",
            "soiree-engine",
            "soiree-inbox",
            "soiree-bounded",
            "soiree-pool",
        ],
    ),
];

/// One line for each dependency that the table does not permit.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let root = Path::new(text(&metadata["workspace_root"]));
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages
        .iter()
        .map(|package| text(&package["name"]))
        .collect();
    let mut rejected = Vec::new();
    for package in packages {
        let manifest = Path::new(text(&package["manifest_path"]));
        let inside = manifest.strip_prefix(root).unwrap_or(manifest);
        if FREE.iter().any(|folder| inside.starts_with(folder)) {
            continue;
        }
        let from = text(&package["name"]);
        let Some(permitted) = permitted(from) else {
            rejected.push(format!(
                "{from}: the crate has no row in the table of xtask/src/arrows/crates.rs"
            ));
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            let to = text(&dependency["name"]);
            // Cargo gives a kind to dev- and build-dependencies only.
            if !members.contains(&to) || !dependency["kind"].is_null() {
                continue;
            }
            if !may_depend(from, permitted, to, dependency["optional"] == true) {
                rejected.push(format!("{from} -> {to}: {}", rule(from, permitted)));
            }
        }
    }
    rejected
}

/// The workspace crates that a crate may depend on, if it has a row in the table.
fn permitted(name: &str) -> Option<&'static [&'static str]> {
    let (_, permitted) = TABLE.iter().find(|(known, _)| *known == name)?;
    Some(permitted)
}

fn may_depend(from: &str, permitted: &[&str], to: &str, is_optional: bool) -> bool {
    let may_optionally = from == FACADE && to != FACADE && self::permitted(to).is_some();
    permitted.contains(&to) || (may_optionally && is_optional)
}

/// What the table says about a crate.
fn rule(from: &str, permitted: &[&str]) -> String {
    let list = permitted.join(", ");
    match permitted {
        [] => format!("{from} may depend on no crate of the workspace"),
        _ if from == FACADE => {
            format!("{from} may depend on {list}, and optionally on other soiree-* crates")
        }
        _ => format!("of the workspace, {from} may depend on {list} only"),
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

    fn permit(from: &str, to: &str, is_optional: bool) -> bool {
        may_depend(from, permitted(from).unwrap(), to, is_optional)
    }

    #[test]
    fn the_arrows_of_the_design_are_permitted() {
        for (from, to, is_optional) in [
            ("soiree", "soiree-core", false),
            ("soiree", "soiree-engine", false),
            ("soiree", "soiree-bounded", false),
            ("soiree", "soiree-pool", false),
            ("soiree", "soiree-testkit", true),
            ("soiree-engine", "soiree-core", false),
            ("soiree-pool", "soiree-core", false),
            ("soiree-tokio", "soiree-bounded", false),
            ("soiree-nats", "soiree-engine", false),
        ] {
            assert!(permit(from, to, is_optional), "{from} -> {to}");
        }
    }

    #[test]
    fn every_other_arrow_is_rejected() {
        for (from, to, is_optional) in [
            ("soiree", "soiree-tokio", false),
            ("soiree", "xtask", true),
            ("soiree", "soiree-benches", true),
            ("soiree-core", "soiree-pool", true),
            ("soiree-core", "soiree", false),
            ("soiree-engine", "soiree-bounded", false),
            ("soiree-bounded", "soiree-engine", true),
            ("soiree-pool", "soiree-testkit", true),
            ("soiree-tokio", "soiree-pool", true),
            ("soiree-tokio", "soiree-engine", false),
            ("soiree-sqlite", "soiree-engine", false),
        ] {
            assert!(!permit(from, to, is_optional), "{from} -> {to}");
        }
    }

    #[test]
    fn rows_name_only_crates_of_rows_above_them() {
        let names: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
        for (at, (name, permitted)) in TABLE.iter().enumerate() {
            for to in *permitted {
                assert!(names[..at].contains(to), "{name} -> {to}");
            }
        }
    }

    fn workspace(name: &str, kind: Value, folder: &str) -> Value {
        let dependency = json!({ "name": "soiree-pool", "kind": kind, "optional": false });
        let foreign = json!({ "name": "serde", "kind": null, "optional": false });
        json!({ "workspace_root": "/w", "packages": [
            { "name": "soiree-pool", "manifest_path": "/w/crates/soiree-pool/Cargo.toml", "dependencies": [foreign] },
            { "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": [dependency] },
        ]})
    }

    #[test]
    fn a_message_names_crate_dependency_and_rule() {
        let rejected = |name| check(&workspace(name, Value::Null, "crates/a"));
        assert_eq!(
            rejected("soiree-rayon"),
            [
                "soiree-rayon -> soiree-pool: of the workspace, soiree-rayon may depend on soiree-core, soiree-bounded only"
            ]
        );
        assert_eq!(
            rejected("soiree-core"),
            ["soiree-core -> soiree-pool: soiree-core may depend on no crate of the workspace"]
        );
        assert_eq!(rejected("soiree"), <[String; 0]>::default());
    }

    #[test]
    fn a_crate_without_a_row_is_rejected() {
        let rejected = check(&workspace("soiree-new", Value::Null, "crates/soiree-new"));
        assert_eq!(
            rejected,
            ["soiree-new: the crate has no row in the table of xtask/src/arrows/crates.rs"]
        );
    }

    #[test]
    fn dev_and_build_dependencies_and_free_members_are_not_checked() {
        for (kind, folder) in [
            (json!("build"), "crates/a"),
            (json!("dev"), "crates/a"),
            (Value::Null, "benches/a"),
        ] {
            assert!(check(&workspace("soiree-rayon", kind, folder)).is_empty());
        }
    }
}

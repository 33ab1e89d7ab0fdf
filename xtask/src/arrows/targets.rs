//! The libraries and programs of the workspace. Each has its own tree of modules.

use std::path::Path;

use serde_json::Value;

/// A library or a program.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    /// The name of the package; `package/program` for a program that is not the package's only target.
    pub(super) name: String,
    /// The path of its root file, from the root of the workspace.
    pub(super) root: String,
}

/// All libraries and programs, without tests, examples, benchmarks and build scripts.
pub(super) fn all(metadata: &Value) -> Vec<Target> {
    let workspace = Path::new(metadata["workspace_root"].as_str().unwrap_or_default());
    let mut targets = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let of_package = package["targets"].as_array().into_iter().flatten();
        let has_library = of_package.clone().any(|target| is(target, "lib"));
        for target in of_package {
            let (is_library, is_program) = (is(target, "lib"), is(target, "bin"));
            if !is_library && !is_program {
                continue;
            }
            let path = Path::new(target["src_path"].as_str().unwrap_or_default());
            let path = path.strip_prefix(workspace).unwrap_or(path);
            let root = path.to_string_lossy().replace('\\', "/");
            let is_main = !has_library && root.ends_with("/src/main.rs");
            let program = target["name"].as_str().unwrap_or_default();
            let name = match is_library || is_main {
                true => name.into(),
                false => format!("{name}/{program}"),
            };
            targets.push(Target { name, root });
        }
    }
    targets
}

fn is(target: &Value, kind: &str) -> bool {
    let kinds = target["kind"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|found| found == kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn libraries_and_programs_are_targets_and_tests_are_not() {
        let target = |kind: &str, name: &str, path: &str| json!({ "kind": [kind], "name": name, "src_path": path });
        let metadata = json!({ "workspace_root": "/w", "packages": [
            { "name": "a-b", "targets": [
                target("lib", "a_b", "/w/a/src/lib.rs"),
                target("bin", "c", "/w/a/src/bin/c/main.rs"),
                target("test", "d", "/w/a/tests/d.rs"),
            ]},
            { "name": "e", "targets": [target("bin", "e", "/w/e/src/main.rs")]},
        ]});
        let found: Vec<(String, String)> = all(&metadata)
            .into_iter()
            .map(|target| (target.name, target.root))
            .collect();
        let expected = [
            ("a-b", "a/src/lib.rs"),
            ("a-b/c", "a/src/bin/c/main.rs"),
            ("e", "e/src/main.rs"),
        ];
        assert_eq!(
            found,
            expected.map(|(name, root)| (name.into(), root.into()))
        );
    }
}

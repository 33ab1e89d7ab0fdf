//! Every crate inherits its lints and its Rust version from the workspace.

use super::violation::Violation;

/// The crates that say themselves which Rust they need, as a dependency needs a later one than the workspace.
const OWN_RUST_VERSION: [&str; 1] = ["crates/soiree-nats/Cargo.toml"];

pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let keys = keys(text);
    let Some(line) = text.lines().position(|line| line.trim() == "[package]") else {
        return Vec::new();
    };
    [
        (
            "lints",
            "the crate inherits the workspace's lints: [lints] workspace = true",
        ),
        (
            "package.rust-version",
            "the crate inherits the workspace's Rust version: rust-version.workspace = true",
        ),
    ]
    .into_iter()
    .filter(|(key, _)| !inherits(&keys, key) && !states_own(path, &keys, key))
    .map(|(_, rule)| Violation {
        path: path.into(),
        line: line + 1,
        rule: rule.into(),
    })
    .collect()
}

fn states_own(path: &str, keys: &[(String, String)], key: &str) -> bool {
    let may = key == "package.rust-version" && OWN_RUST_VERSION.contains(&path);
    may && keys.iter().any(|(found, _)| found == key)
}

fn inherits(keys: &[(String, String)], key: &str) -> bool {
    let dotted = format!("{key}.workspace");
    keys.iter().any(|(found, value)| {
        (*found == dotted && value == "true") || (found == key && value == "{workspace=true}")
    })
}

/// The keys that have a value on the same line, with the table's name in front and without blanks.
fn keys(text: &str) -> Vec<(String, String)> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        let line: String = line.chars().filter(|char| !char.is_whitespace()).collect();
        let line = line.split('#').next().unwrap_or_default();
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            table = format!("{header}.");
        } else if let Some((key, value)) = line.split_once('=') {
            keys.push((format!("{table}{key}"), value.into()));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_inherits_both_is_tidy() {
        for text in [
            "[package]\nrust-version.workspace = true\n[lints]\nworkspace = true # all",
            "[package]\nrust-version = { workspace = true }\n[lints]\nworkspace=true",
        ] {
            assert_eq!(check("a/Cargo.toml", text), []);
        }
    }

    #[test]
    fn a_crate_that_inherits_neither_breaks_both_rules() {
        let text = "\n[package]\nrust-version = \"1.85\"\n[lints.rust]\nmissing_docs = \"warn\"";
        let broken = check("a/Cargo.toml", text);
        assert_eq!(broken.len(), 2);
        assert!(broken[0].to_string().starts_with("a/Cargo.toml:2: "));
        assert!(broken[0].rule.contains("lints"));
        assert!(broken[1].rule.contains("rust-version"));
    }

    #[test]
    fn a_crate_of_the_list_says_itself_which_rust_it_needs() {
        let text = "[package]\nrust-version = \"1.89\"\n[lints]\nworkspace = true";
        assert_eq!(check(OWN_RUST_VERSION[0], text), []);
        assert_eq!(check("a/Cargo.toml", text).len(), 1);
        let silent = "[package]\n[lints]\nworkspace = true";
        assert_eq!(check(OWN_RUST_VERSION[0], silent).len(), 1);
    }

    #[test]
    fn the_root_manifest_inherits_nothing() {
        assert_eq!(
            check(
                "Cargo.toml",
                "[workspace]\n[workspace.package]\nrust-version = \"1.85\""
            ),
            []
        );
    }
}

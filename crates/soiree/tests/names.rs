//! Every public name of the crates below has one place in the facade.

use std::path::Path;

/// The names that a source file re-exports from a crate.
fn re_exported(path: &str, from: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let start = format!("pub use {from}::");
    let mut names = Vec::new();
    for (at, _) in text.match_indices(&start) {
        let list = text[at + start.len()..].split(';').next();
        let list = list.expect("a `use` ends");
        let (_, list) = list.rsplit_once("::").unwrap_or(("", list));
        let list = list.trim_matches(['{', '}']).split(',').map(str::trim);
        names.extend(list.filter(|name| !name.is_empty()).map(String::from));
    }
    names
}

#[test]
fn the_facade_re_exports_every_name_once() {
    for (name, path) in [
        ("soiree_core", "../soiree-core"),
        ("soiree_engine", "../soiree-engine"),
        ("soiree_bounded", "../soiree-bounded"),
        ("soiree_pool", "../soiree-pool"),
        ("soiree_inbox", "../soiree-inbox"),
        ("soiree_metrics", "../soiree-metrics"),
        ("soiree_outbox", "../soiree-outbox"),
        ("soiree_sqlite", "../soiree-sqlite"),
    ] {
        let facade: Vec<String> = [
            "lib",
            "pool",
            "observe",
            "engine",
            "introspection",
            "metrics",
            "sqlite",
        ]
        .iter()
        .flat_map(|module| re_exported(&format!("src/{module}.rs"), name))
        .collect();
        let public = re_exported(&format!("{path}/src/lib.rs"), "crate");
        assert!(!public.is_empty(), "{name}");
        for public in public {
            let times = facade.iter().filter(|found| **found == public).count();
            assert_eq!(times, 1, "{name}::{public}");
        }
    }
}

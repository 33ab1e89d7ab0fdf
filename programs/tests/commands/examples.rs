//! Every example runs as `cargo run --example NAME`, and says what it shows and why.

use std::fs;

use crate::root;

/// An example that takes long, and the arguments with which it does not.
const QUICKER: (&str, &[&str]) = ("bulkheads", &["--", "--speed", "20"]);

/// The names of the Rust files and of the folders with a `main.rs` in a folder.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root::path().join(folder)).expect("there is such a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| {
            path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").exists()
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.into()))
        .collect();
    names.sort();
    names
}

#[test]
fn each_program_has_a_launcher() {
    assert_eq!(names("programs/launch/examples"), names("programs/src/bin"));
}

#[test]
fn each_example_runs_without_flags_and_says_what_it_shows_and_why() {
    let all = [names("examples"), names("programs/src/bin")].concat();
    assert!(all.len() >= 21, "{all:?}");
    for name in &all {
        eprintln!("{name}");
        let arguments = ["run", "--quiet", "--example", name];
        let printed = match root::is_service(&arguments) {
            true => root::serves(&arguments),
            false if name == QUICKER.0 => root::prints(&[&arguments, QUICKER.1].concat()),
            false => root::prints(&arguments),
        };
        for start in ["shows: ", "why: "] {
            let says = |line: &str| line.len() > start.len() && line.starts_with(start);
            assert!(
                printed.lines().any(says),
                "{name}: no {start:?} in\n{printed}"
            );
        }
    }
}

/// A launcher passes arguments on, and the exit code back.
#[test]
fn a_program_gets_its_arguments_and_its_exit_code_comes_back() {
    let output = root::output(&[
        "run",
        "--quiet",
        "--example",
        "ingest",
        "--",
        "--bind",
        "a b",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("ingest: --bind a b: "), "{said}");
}

/// A build script that looks at the package of the launcher would run again, and what depends on it be built again.
#[test]
fn a_launcher_builds_what_cargo_would_build_in_its_place() {
    root::prints(&["run", "--quiet", "--example", "outbox", "--", "--help"]);
    let programs = ["--manifest-path", "programs/Cargo.toml"];
    let built = root::output(&[&["build", "--verbose", "--bin", "outbox"], &programs[..]].concat());
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(said.contains("Fresh soiree-programs "), "{said}");
    assert!(!said.contains("Compiling "), "{said}");
}

/// What `cargo run --example quickstart` builds: a third of what all examples together need would be 80 crates.
#[test]
fn the_small_examples_build_little() {
    let listed = root::prints(&[
        "tree", "--edges", "all", "--prefix", "none", "--format", "{p}",
    ]);
    let crates: std::collections::BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(crates.contains("soiree"), "{crates:?}");
    assert!(crates.len() < 60, "{} crates: {crates:?}", crates.len());
}

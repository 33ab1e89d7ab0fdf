//! What a store lacks shows as ignored tests.

use std::collections::BTreeSet;
use std::process::Command;

use soiree_testkit::{MemoryStore, StoreConformance, StoreContent};

/// What a store lacks that holds nothing beyond its process.
const MISSING: [&str; 3] = ["reopen", "processes", "damage"];

soiree_testkit::store_conformance!(
    private,
    || { StoreContent::new(MemoryStore::new).little_room(|| MemoryStore::new().max_events(10)) },
    without {
        reopen: "it forgets everything when it is dropped",
        processes: "each handle has its own content",
        damage: "it is in memory",
    }
);

/// Runs tests of this file in another process and returns what it printed.
fn output_of(arguments: &[&str]) -> String {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// D1, D14, D17: exactly the tests that need a missing capability are ignored, with the reason from `without`.
#[test]
fn tests_that_need_a_missing_capability_are_ignored() {
    let cases = StoreConformance::cases().iter();
    let expected: BTreeSet<String> = cases
        .filter(|case| case.needs().iter().any(|need| MISSING.contains(need)))
        .map(|case| format!("without::private::{}: test", case.name()))
        .collect();
    let listed = output_of(&["--list", "--ignored", "without::private::"]);
    let tests = listed.lines().filter(|line| line.ends_with(": test"));
    let ignored: BTreeSet<String> = tests.map(String::from).collect();
    assert_eq!(ignored, expected);
    let all = output_of(&["--list", "without::private::"]);
    let all = all.lines().filter(|line| line.ends_with(": test")).count();
    assert_eq!(all, StoreConformance::cases().len());

    let printed = output_of(&["without::private::d18", "--test-threads=1"]);
    let line = "d18_a_close_loses_nothing ... ignored, it forgets everything when it is dropped";
    assert!(printed.contains(line), "{printed}");
}

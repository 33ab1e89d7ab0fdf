//! Every case does the work that it measures: each checks that itself, and panics if some of the work was not done.

use std::collections::HashSet;

use soiree_benches::cases;

/// Whether a case prepares 100,000 patterns or more, or leaves a pool idle for a second.
fn takes_long(workload: &str) -> bool {
    workload.contains("00000") || workload == "pool-at-rest"
}

#[test]
fn every_case_does_its_work() {
    for case in cases() {
        if takes_long(&case.workload) {
            continue;
        }
        let mut bench = case.prepare();
        for ops in [1, 20] {
            let sample = bench.run(ops);
            assert_eq!(sample.ops, ops, "{} of {}", case.workload, case.subject);
        }
    }
}

#[test]
fn no_two_cases_have_the_same_names() {
    let cases = cases();
    let names: HashSet<_> = cases
        .iter()
        .map(|case| (&case.workload, case.subject))
        .collect();
    assert_eq!(names.len(), cases.len());
}

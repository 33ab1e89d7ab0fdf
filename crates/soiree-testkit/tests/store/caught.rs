//! Each fault makes exactly the cases fail that test for it, and each case catches at least one fault.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree_testkit::{StoreCase, StoreConformance};

use crate::broken::{Broken, Fault};

/// Whether the case runs random calls. Those catch most faults, so they are run only where they must.
fn is_random(case: &StoreCase) -> bool {
    case.name().starts_with("d3_random")
}

/// The cases that a store with this fault fails.
fn failures(fault: Fault, expected: &[&str]) -> BTreeSet<&'static str> {
    let suite = StoreConformance::new(move || Broken::content(fault));
    let cases = StoreConformance::cases().iter();
    let cases = cases.filter(|case| !is_random(case) || expected.contains(&case.name()));
    let failed = cases.filter(|case| suite.run(case).is_err());
    failed.map(StoreCase::name).collect()
}

/// D1, D2, D3, D5, D6, D7, D8, D12, D14, D15, D17, D18: a broken store fails exactly the cases about its fault.
#[test]
fn each_fault_is_caught_where_it_should_be() {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || Fault::ALL.get(next.fetch_add(1, Ordering::SeqCst));
                while let Some((fault, expected)) = next() {
                    let failed = failures(*fault, expected);
                    if failed != expected.iter().copied().collect() {
                        wrong.lock().unwrap().push((fault, failed));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "what these faults fail: {wrong:#?}");
}

/// D1, D3: a case that no fault can fail would prove nothing.
#[test]
fn each_case_catches_a_fault() {
    let caught = Fault::ALL.iter().flat_map(|(_, cases)| cases.iter());
    let caught: BTreeSet<&str> = caught.copied().collect();
    let cases = StoreConformance::cases().iter();
    let cases: BTreeSet<&str> = cases.map(StoreCase::name).collect();
    assert_eq!(caught, cases);
}

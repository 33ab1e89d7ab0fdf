//! Each fault makes exactly the cases fail that test for it, and each case catches at least one fault.

mod jobs;
mod limits;
mod shutdown;
mod stats;
mod waiting;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use soiree_testkit::Conformance;

use crate::faults::Fault;
use crate::pool::Reference;

/// Makes a test of each fault, and a table of the cases that catch it. The cases after `or` may fail or pass: they depend on
/// a race.
macro_rules! caught {
    ($($(#[$promises:meta])* $name:ident: $fault:ident => [$($case:ident,)*] $(or [$($rare:ident,)*])?;)*) => {
        $($(#[$promises])*
        #[test]
        fn $name() {
            super::assert_caught(Fault::$fault, &[$(stringify!($case)),*], &[$($(stringify!($rare)),*)?]);
        })*

        pub(super) const CASES: &[&[&str]] = &[$(&[$(stringify!($case)),*]),*];
    };
}
use caught;

/// How often a case that should fail runs at most: some faults show only in a race.
const ATTEMPTS: usize = 50;

/// Asserts that exactly the `expected` cases fail. The `rare` ones may fail as well.
fn assert_caught(fault: Fault, expected: &[&str], rare: &[&str]) {
    let new_suite = || Conformance::new(move |spec| Reference::new(spec, fault));
    let suite = new_suite();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                while let Some(case) = Conformance::cases().get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let fails = expected.contains(&case.name()) || rare.contains(&case.name());
                    // A case that should fail may fail by hanging, which must not take long. A case that should pass gets the full
                    // timeout. A suite that has hung would give the next case less time.
                    let run = || match fails {
                        true => new_suite().stall_timeout(Duration::from_secs(1)).run(case),
                        false => suite.run(case),
                    };
                    let attempts = if expected.contains(&case.name()) {
                        ATTEMPTS
                    } else {
                        1
                    };
                    if (0..attempts).any(|_| run().is_err()) {
                        failed.lock().unwrap().insert(case.name());
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.retain(|case| !rare.contains(case));
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    assert_eq!(failed, expected, "{fault:?}");
}

/// P1, P2, P3, P4, P5, P6, P7, P8: a case that no fault can fail would prove nothing.
#[test]
fn each_case_catches_a_fault() {
    let tables = [
        jobs::CASES,
        limits::CASES,
        shutdown::CASES,
        stats::CASES,
        waiting::CASES,
    ];
    let caught: BTreeSet<&str> = tables.concat().concat().into_iter().collect();
    let cases: BTreeSet<&str> = Conformance::cases()
        .iter()
        .map(|case| case.name())
        .collect();
    assert_eq!(caught, cases);
}

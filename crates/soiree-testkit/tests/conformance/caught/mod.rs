//! Each fault fails the cases of what it breaks, and no others; and each case catches a fault.

mod jobs;
mod limits;
mod shutdown;
mod stats;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use soiree_testkit::Conformance;

use crate::faults::Fault;
use crate::pool::Reference;

/// Makes a test of each fault, and a table of the cases that catch them. What stands after `or` may fail as well: it takes
/// a race that does not always come about.
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

/// How often a case is run that is to fail.
const TRIES: usize = 50;

/// Asserts that exactly these cases fail, and none but the `rare` ones beside them.
fn assert_caught(fault: Fault, expected: &[&str], rare: &[&str]) {
    let suite = Conformance::new(move |spec| Reference::new(spec, fault));
    // Who is to fail by hanging need not do so for long. Who is to pass gets all the time it wants.
    let hasty = suite.clone().stall_timeout(Duration::from_secs(1));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                while let Some(case) = Conformance::cases().get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let fails = expected.contains(&case.name()) || rare.contains(&case.name());
                    let suite = if fails { &hasty } else { &suite };
                    // What takes a race is run until it comes about.
                    let tries = if expected.contains(&case.name()) {
                        TRIES
                    } else {
                        1
                    };
                    if (0..tries).any(|_| suite.run(case).is_err()) {
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

/// P1, P2, P3, P4, P5, P6, P7, P8: a case that nothing can fail would prove nothing.
#[test]
fn each_case_catches_a_fault() {
    let tables = [jobs::CASES, limits::CASES, shutdown::CASES, stats::CASES];
    let caught: BTreeSet<&str> = tables.concat().concat().into_iter().collect();
    let cases: BTreeSet<&str> = Conformance::cases()
        .iter()
        .map(|case| case.name())
        .collect();
    assert_eq!(caught, cases);
}

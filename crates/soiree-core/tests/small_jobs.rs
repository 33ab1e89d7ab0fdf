//! Jobs from small closures need no allocation. In its own process, because it counts them.

use std::hint::black_box;

use allocation_counter::measure;
use soiree_core::{Job, JobOutcome};

#[test]
fn a_job_from_a_closure_that_holds_two_pointers_allocates_nothing() {
    let (first, second) = (&7_u64, &8_u64);
    let counted = measure(|| {
        let job = black_box(Job::new(move || assert!(black_box(first) < second)));
        assert!(matches!(job.run(), JobOutcome::Completed));
        drop(black_box(Job::new(|| {})));
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_job_from_a_larger_closure_allocates_once() {
    let large = [7_u64; 8];
    let counted = measure(|| {
        let job = black_box(Job::new(move || assert_eq!(black_box(large), [7; 8])));
        assert!(matches!(job.run(), JobOutcome::Completed));
    });
    assert_eq!((counted.count_total, counted.count_current), (1, 0));
}

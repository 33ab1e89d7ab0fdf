//! Jobs from small closures need no allocation. In its own process, because it counts them.

use std::hint::black_box;
use std::panic::resume_unwind;

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

#[test]
fn a_discarded_job_leaves_no_memory_behind_even_if_the_drop_of_what_it_holds_panics() {
    struct Bomb(u64);

    impl Drop for Bomb {
        fn drop(&mut self) {
            // Quietly: to print a panic allocates.
            resume_unwind(Box::new(()));
        }
    }

    #[repr(align(16))]
    struct Aligned;

    fn discarded<const LENGTH: usize, T: Send + 'static>(bytes: [u64; LENGTH], more: T) {
        let counted = measure(|| {
            let bomb = Bomb(7);
            drop(black_box(Job::new(move || {
                let _held = (black_box(&bomb.0), &bomb, &bytes, &more);
            })));
        });
        assert_eq!(counted.count_current, 0, "{LENGTH}");
    }

    discarded([], ());
    discarded([7; 1], ());
    discarded([7; 8], ());
    discarded([], Aligned);
}

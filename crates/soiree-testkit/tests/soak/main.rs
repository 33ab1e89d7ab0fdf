//! The soak: sound pools pass it, and broken ones are found out.

mod broken;

use std::time::Duration;

use soiree_pool::WorkerPool;
use soiree_testkit::{Soak, SoakFailure, SoakFault, SoakOperation, SoakSpec};

use crate::broken::{Broken, Defect};

fn worker_pool(spec: &SoakSpec) -> WorkerPool {
    WorkerPool::builder()
        .max_workers(spec.max_workers)
        .min_workers(spec.min_workers)
        .capacity(spec.capacity)
        .idle_timeout(spec.idle_timeout)
        .overflow(spec.overflow)
        .build()
        .expect("the limits of a soak are sound")
}

/// Soaks a broken pool until it is found out.
#[track_caller]
fn failure_of(defect: Defect) -> SoakFailure {
    Soak::new()
        .duration(Duration::from_secs(60))
        .stall_timeout(Duration::from_secs(2))
        .run(move |spec| Broken::new(spec, defect))
        .expect_err("the pool is broken")
}

fn is_miscount_of(failure: &SoakFailure, expected: &str) -> bool {
    matches!(
        failure.fault,
        SoakFault::Miscounted { counter, .. } | SoakFault::Overcounted { counter, .. }
            if counter == expected
    )
}

/// P1, P2, P3, P4, P5, P6: whatever is done to it at once, no job is lost or run twice, and every figure is right.
#[test]
fn a_worker_pool_passes_the_soak() {
    let report = Soak::new()
        .duration(Duration::from_secs(2))
        .run(worker_pool)
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(
        report.accepted,
        report.ran + report.expired + report.discarded
    );
    assert!(report.ran > 0 && report.rejected > 0, "{report}");
}

/// The same seed does the same operations, for as long as no timing has a say in them.
#[test]
fn a_seed_decides_the_limits_of_each_round() {
    let limits = |seed: u64| {
        let (last_stats, shown) = std::sync::mpsc::channel();
        Soak::new()
            .seed(seed)
            .duration(Duration::ZERO)
            .first_round(41)
            .run(move |spec| {
                last_stats.send(spec.clone()).expect("the test listens");
                worker_pool(spec)
            })
            .unwrap_or_else(|failure| panic!("{failure}"));
        shown.recv().expect("one round is always run")
    };
    assert_eq!(limits(7), limits(7));
    assert!((8..20).any(|seed| limits(seed) != limits(7)));
}

/// P3: one accepted job in ten thousand is never heard of again.
#[test]
fn a_pool_that_leaks_one_job_in_10_000_fails_the_soak() {
    let failure = failure_of(Defect::LeaksJobs);
    assert!(
        matches!(
            failure.fault,
            SoakFault::Lost { .. } | SoakFault::Hung { .. }
        ),
        "{failure}"
    );
}

/// P1, P3: one accepted job in ten thousand is dropped, and counted as if it had not been accepted.
#[test]
fn a_pool_that_drops_one_job_in_10_000_fails_the_soak() {
    let failure = failure_of(Defect::DropsJobs);
    assert!(
        ["submitted", "rejected"]
            .iter()
            .any(|counter| is_miscount_of(&failure, counter))
            || matches!(
                failure.fault,
                SoakFault::Lost { .. } | SoakFault::WrongResult { .. }
            ),
        "{failure}"
    );
}

/// P3: a job is run, and then said to be refused; run again by who submitted it, it would have been run twice.
#[test]
fn a_pool_that_runs_rejected_jobs_fails_the_soak() {
    let failure = failure_of(Defect::RunsRejectedJobs);
    assert!(
        matches!(
            failure.fault,
            // Of several jobs, the false refusal is told of those that were run.
            SoakFault::NotReturned { .. } | SoakFault::WrongResult { .. }
        ),
        "{failure}"
    );
}

/// P1: one job in ten thousand is counted as if it had run twice.
#[test]
fn a_pool_that_counts_one_job_in_10_000_twice_fails_the_soak() {
    let failure = failure_of(Defect::CountsJobsTwice);
    assert!(
        ["successful", "submitted", "rejected"]
            .iter()
            .any(|counter| is_miscount_of(&failure, counter)),
        "{failure}"
    );
}

/// P2: one worker more than the limit.
#[test]
fn a_pool_that_exceeds_max_workers_by_one_fails_the_soak() {
    let failure = failure_of(Defect::ExceedsMaxWorkers);
    match failure.fault {
        SoakFault::TooManyRunning { running, limit } => assert_eq!(running, limit + 1),
        // Or the one too many was seen as it had a job in hand.
        SoakFault::TooManyWaiting { waiting, limit } => assert_eq!(waiting, limit + 1),
        _ => panic!("{failure}"),
    }
}

/// P2: a queue that holds more than its capacity.
#[test]
fn a_pool_that_queues_beyond_its_capacity_fails_the_soak() {
    let failure = failure_of(Defect::ExceedsCapacity);
    assert!(
        is_miscount_of(&failure, "waiting")
            || matches!(failure.fault, SoakFault::TooManyWaiting { .. }),
        "{failure}"
    );
}

/// P6: a job is run although its deadline has passed.
#[test]
fn a_pool_that_ignores_deadlines_fails_the_soak() {
    let failure = failure_of(Defect::IgnoresDeadlines);
    assert_eq!(failure.fault, SoakFault::RanPastDeadline, "{failure}");
}

/// P3: waiting for a job ends before the job does.
#[test]
fn a_pool_that_does_not_wait_fails_the_soak() {
    let failure = failure_of(Defect::DoesNotWait);
    let SoakFault::WrongResult { operation, .. } = failure.fault else {
        panic!("{failure}");
    };
    // From a worker, the trait waits for many jobs by waiting for each.
    let waits = [
        SoakOperation::SubmitAndWait,
        SoakOperation::SubmitAllAndWait,
    ];
    assert!(waits.contains(&operation), "{failure}");
}

/// P1: refused jobs are counted as submitted.
#[test]
fn a_pool_that_counts_rejected_jobs_as_submitted_fails_the_soak() {
    let failure = failure_of(Defect::CountsRejectedAsSubmitted);
    // Whoever looks while the pool is at work sees that they do not balance; who comes later, that there are too many.
    assert!(
        matches!(failure.fault, SoakFault::Unbalanced(_)) || is_miscount_of(&failure, "submitted"),
        "{failure}"
    );
}

/// P5: a release that never returns is a failure that says where it hangs, not a hang of the soak.
#[test]
fn a_pool_that_hangs_fails_the_soak() {
    let failure = failure_of(Defect::HangsInRelease);
    let SoakFault::Hung { operations } = &failure.fault else {
        panic!("{failure}");
    };
    assert!(
        operations.contains(&SoakOperation::Release) || operations.contains(&SoakOperation::Done)
    );
    let claimed = failure.to_string();
    for part in [
        format!("seed {}", failure.seed),
        format!("round {}", failure.round),
        format!("{:?}", failure.spec),
        format!("{:?}", failure.stats.as_deref().expect("it answers")),
    ] {
        assert!(claimed.contains(&part), "{claimed} lacks {part}");
    }
}

/// P5: so is a method that panics.
#[test]
fn a_pool_that_panics_fails_the_soak() {
    let failure = failure_of(Defect::PanicsInStop);
    assert!(
        matches!(&failure.fault, SoakFault::Panicked { message, .. } if **message == *"broken"),
        "{failure}"
    );
}

/// A pool of fixed size is not resized, and that is no failure.
#[test]
fn a_pool_that_cannot_be_resized_passes_the_soak() {
    let report = Soak::new()
        .duration(Duration::from_millis(500))
        .run(|spec| Broken::new(spec, Defect::CannotResize))
        .unwrap_or_else(|failure| panic!("{failure}"));
    let resizes = report
        .operations()
        .find(|(operation, _)| *operation == SoakOperation::Resize);
    assert!(resizes.is_some_and(|(_, times)| times > 0), "{report}");
}

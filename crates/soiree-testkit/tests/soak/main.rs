//! Correct pools pass a soak, and each broken one fails it for the right reason.

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
        .expect("a soak has valid limits")
}

/// Soaks a broken pool until it fails.
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

/// P1, P2, P3, P4, P5, P6: under random concurrent operations no job is lost or run twice, and every counter is exact.
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

/// The limits come from the seed alone. What the threads then do may depend on timing.
#[test]
fn a_seed_decides_the_limits_of_each_round() {
    let limits = |seed: u64| {
        let (last_stats, shown) = std::sync::mpsc::channel();
        Soak::new()
            .seed(seed)
            .duration(Duration::ZERO)
            .first_round(41)
            .run(move |spec| {
                last_stats
                    .send(spec.clone())
                    .expect("the receiver lives until the end of the test");
                worker_pool(spec)
            })
            .unwrap_or_else(|failure| panic!("{failure}"));
        shown.recv().expect("a soak runs at least one round")
    };
    assert_eq!(limits(7), limits(7));
    assert!((8..20).any(|seed| limits(seed) != limits(7)));
}

/// P3: one accepted job in 10,000 is leaked. It may be seen at first as one that has not started.
#[test]
fn a_pool_that_leaks_one_job_in_10_000_fails_the_soak() {
    let failure = failure_of(Defect::LeaksJobs);
    assert!(
        matches!(
            failure.fault,
            SoakFault::Lost { .. } | SoakFault::Hung { .. } | SoakFault::TooManyWaiting { .. }
        ),
        "{failure}"
    );
}

/// P1, P3: one accepted job in 10,000 is dropped, and not counted as accepted.
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

/// P3: a job runs and is then rejected; if its submitter ran it as well, it would run twice.
#[test]
fn a_pool_that_runs_rejected_jobs_fails_the_soak() {
    let failure = failure_of(Defect::RunsRejectedJobs);
    assert!(
        matches!(
            failure.fault,
            // submit_all_and_wait reports jobs that ran as rejected.
            SoakFault::NotReturned { .. } | SoakFault::WrongResult { .. }
        ),
        "{failure}"
    );
}

/// P1: one job in 10,000 is counted as if it had run twice.
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

/// P2: the pool has one worker more than max_workers.
#[test]
fn a_pool_that_exceeds_max_workers_by_one_fails_the_soak() {
    let failure = failure_of(Defect::ExceedsMaxWorkers);
    match failure.fault {
        SoakFault::TooManyRunning { running, limit } => assert_eq!(running, limit + 1),
        // Or the job too many was seen just before it started.
        SoakFault::TooManyWaiting { waiting, limit } => assert_eq!(waiting, limit + 1),
        _ => panic!("{failure}"),
    }
}

/// P2: the queue holds more jobs than its capacity.
#[test]
fn a_pool_that_queues_beyond_its_capacity_fails_the_soak() {
    let failure = failure_of(Defect::ExceedsCapacity);
    assert!(
        is_miscount_of(&failure, "waiting")
            || matches!(failure.fault, SoakFault::TooManyWaiting { .. }),
        "{failure}"
    );
}

/// P6: a job runs although its deadline has passed.
#[test]
fn a_pool_that_ignores_deadlines_fails_the_soak() {
    let failure = failure_of(Defect::IgnoresDeadlines);
    assert_eq!(failure.fault, SoakFault::RanPastDeadline, "{failure}");
}

/// P3: submit_and_wait returns before its job has ended.
#[test]
fn a_pool_that_does_not_wait_fails_the_soak() {
    let failure = failure_of(Defect::DoesNotWait);
    let SoakFault::WrongResult { operation, .. } = failure.fault else {
        panic!("{failure}");
    };
    // On a worker, submit_all_and_wait calls submit_and_wait for each job.
    let waits = [
        SoakOperation::SubmitAndWait,
        SoakOperation::SubmitAllAndWait,
    ];
    assert!(waits.contains(&operation), "{failure}");
}

/// P1: rejected jobs are counted as submitted.
#[test]
fn a_pool_that_counts_rejected_jobs_as_submitted_fails_the_soak() {
    let failure = failure_of(Defect::CountsRejectedAsSubmitted);
    // Seen during the round the stats do not balance; after it the counter is too high. Of a job whose submitter does not know what became
    // of it, the soak believes that it was accepted: then the other counter is too high.
    assert!(
        matches!(failure.fault, SoakFault::Unbalanced(_))
            || ["submitted", "rejected"]
                .iter()
                .any(|counter| is_miscount_of(&failure, counter)),
        "{failure}"
    );
}

/// P5: a release that never returns does not hang the soak, and the failure says where the pool hangs.
#[test]
fn a_pool_that_hangs_fails_the_soak() {
    let failure = failure_of(Defect::HangsInRelease);
    let SoakFault::Hung { operations } = &failure.fault else {
        panic!("{failure}");
    };
    assert!(
        operations.contains(&SoakOperation::Release) || operations.contains(&SoakOperation::Done)
    );
    let message = failure.to_string();
    for part in [
        format!("seed {}", failure.seed),
        format!("round {}", failure.round),
        format!("{:?}", failure.spec),
        format!("{:?}", failure.stats.as_deref().expect("stats returns")),
    ] {
        assert!(message.contains(&part), "{message} lacks {part}");
    }
}

/// P5: stop panics.
#[test]
fn a_pool_that_panics_fails_the_soak() {
    let failure = failure_of(Defect::PanicsInStop);
    assert!(
        matches!(&failure.fault, SoakFault::Panicked { message, .. } if **message == *"broken"),
        "{failure}"
    );
}

/// A pool of fixed size may reject every resize.
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

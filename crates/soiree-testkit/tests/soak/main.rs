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
fn found(defect: Defect) -> SoakFailure {
    Soak::new()
        .duration(Duration::from_secs(60))
        .patience(Duration::from_secs(2))
        .run(move |spec| Broken::new(spec, defect))
        .expect_err("the pool is broken")
}

fn miscounts(failure: &SoakFailure, expected: &str) -> bool {
    matches!(
        failure.fault,
        SoakFault::Miscounted { counter, .. } | SoakFault::Overcounted { counter, .. }
            if counter == expected
    )
}

/// P1, P2, P3, P4, P5, P6: whatever is done to it at once, no job is lost or run twice, and every figure is right.
#[test]
fn a_worker_pool_survives_a_soak() {
    let report = Soak::new()
        .duration(Duration::from_secs(2))
        .run(worker_pool)
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(
        report.accepted,
        report.ran + report.expired + report.discarded
    );
    assert!(report.ran > 0 && report.refused > 0, "{report}");
}

/// The same seed does the same operations, for as long as no timing has a say in them.
#[test]
fn a_seed_decides_the_limits_of_each_round() {
    let limits = |seed: u64| {
        let (seen, shown) = std::sync::mpsc::channel();
        Soak::new()
            .seed(seed)
            .duration(Duration::ZERO)
            .first_round(41)
            .run(move |spec| {
                seen.send(spec.clone()).expect("the test listens");
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
fn a_pool_that_forgets_one_job_in_10_000_is_found_out() {
    let failure = found(Defect::Forgets);
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
fn a_pool_that_drops_one_job_in_10_000_is_found_out() {
    let failure = found(Defect::Drops);
    assert!(
        ["submitted", "rejected"]
            .iter()
            .any(|counter| miscounts(&failure, counter))
            || matches!(
                failure.fault,
                SoakFault::Lost { .. } | SoakFault::FalseAnswer { .. }
            ),
        "{failure}"
    );
}

/// P3: a job is run, and then said to be refused; run again by who submitted it, it would have been run twice.
#[test]
fn a_pool_that_runs_what_it_refuses_is_found_out() {
    let failure = found(Defect::RunsRefused);
    assert!(
        matches!(
            failure.fault,
            // Of several jobs, the false refusal is told of those that were run.
            SoakFault::NotReturned { .. } | SoakFault::FalseAnswer { .. }
        ),
        "{failure}"
    );
}

/// P1: one job in ten thousand is counted as if it had run twice.
#[test]
fn a_pool_that_counts_one_job_in_10_000_twice_is_found_out() {
    let failure = found(Defect::CountsTwice);
    assert!(
        ["successful", "submitted", "rejected"]
            .iter()
            .any(|counter| miscounts(&failure, counter)),
        "{failure}"
    );
}

/// P2: one worker more than the limit.
#[test]
fn a_pool_that_exceeds_its_limit_by_one_is_found_out() {
    let failure = found(Defect::OneWorkerMore);
    match failure.fault {
        SoakFault::TooManyAtOnce { at_once, limit } => assert_eq!(at_once, limit + 1),
        // Or the one too many was seen as it had a job in hand.
        SoakFault::TooManyWaiting { waiting, limit } => assert_eq!(waiting, limit + 1),
        _ => panic!("{failure}"),
    }
}

/// P2: a queue that holds more than its capacity.
#[test]
fn a_pool_that_queues_beyond_its_capacity_is_found_out() {
    let failure = found(Defect::LongerQueue);
    assert!(
        miscounts(&failure, "waiting") || matches!(failure.fault, SoakFault::TooManyWaiting { .. }),
        "{failure}"
    );
}

/// P6: a job is run although its deadline has passed.
#[test]
fn a_pool_that_overlooks_deadlines_is_found_out() {
    let failure = found(Defect::OverlooksDeadlines);
    assert_eq!(failure.fault, SoakFault::RanLate, "{failure}");
}

/// P3: waiting for a job ends before the job does.
#[test]
fn a_pool_that_does_not_wait_is_found_out() {
    let failure = found(Defect::DoesNotWait);
    let SoakFault::FalseAnswer { operation, .. } = failure.fault else {
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
fn a_pool_that_counts_refused_jobs_as_submitted_is_found_out() {
    let failure = found(Defect::CountsRefused);
    // Whoever looks while the pool is at work sees that they do not balance; who comes later, that there are too many.
    assert!(
        matches!(failure.fault, SoakFault::Unbalanced(_)) || miscounts(&failure, "submitted"),
        "{failure}"
    );
}

/// P5: a release that never returns is a failure that says where it hangs, not a hang of the soak.
#[test]
fn a_pool_that_hangs_is_found_out() {
    let failure = found(Defect::HangsInRelease);
    let SoakFault::Hung { doing } = &failure.fault else {
        panic!("{failure}");
    };
    assert!(doing.contains(&SoakOperation::Release) || doing.contains(&SoakOperation::Done));
    let said = failure.to_string();
    for part in [
        format!("seed {}", failure.seed),
        format!("round {}", failure.round),
        format!("{:?}", failure.spec),
        format!("{:?}", failure.stats.as_deref().expect("it answers")),
    ] {
        assert!(said.contains(&part), "{said} lacks {part}");
    }
}

/// P5: so is a method that panics.
#[test]
fn a_pool_that_panics_is_found_out() {
    let failure = found(Defect::PanicsInStop);
    assert!(
        matches!(&failure.fault, SoakFault::Panicked { message, .. } if **message == *"broken"),
        "{failure}"
    );
}

/// A pool of fixed size is not resized, and that is no failure.
#[test]
fn a_pool_that_cannot_be_resized_passes() {
    let report = Soak::new()
        .duration(Duration::from_millis(500))
        .run(|spec| Broken::new(spec, Defect::CannotResize))
        .unwrap_or_else(|failure| panic!("{failure}"));
    let resizes = report
        .operations()
        .find(|(operation, _)| *operation == SoakOperation::Resize);
    assert!(resizes.is_some_and(|(_, times)| times > 0), "{report}");
}

//! What the author of a pool sees that fails.

use std::time::{Duration, Instant};

use soiree_testkit::{Case, Conformance};

use crate::faults::Fault;
use crate::pool::Reference;

fn case(name: &str) -> &'static Case {
    let cases = Conformance::cases().iter();
    let mut cases = cases.filter(|case| case.name() == name);
    cases.next().expect("there is such a case")
}

/// P1, P4: a failure says what does not hold, what the promise means, and which methods to look at.
#[test]
fn a_failure_explains_the_promise() {
    let suite = Conformance::new(|spec| Reference::new(spec, Fault::IsNeverOnWorker));
    let failure = suite.run(case("p4_on_worker_is_true_inside_a_job"));
    let text = failure.unwrap_err().to_string();
    for part in [
        "\"P4, on worker is true inside a job\" does not hold: on_worker is false inside a job of the pool",
        "P4 means: a job may submit to its own pool",
        "override `on_worker`",
    ] {
        assert!(text.contains(part), "{text}");
    }
    for case in Conformance::cases() {
        let explanation = case.explanation();
        match case.promise() {
            Some(promise) => assert!(explanation.starts_with(&promise), "{case:?}: {explanation}"),
            None => assert!(explanation.contains("docs"), "{case:?}: {explanation}"),
        }
    }
}

/// P1: a failure names the capability that the pool may lack. A case that every pool must pass names none.
#[test]
fn a_failure_names_the_capability_that_the_case_needs() {
    let suite = Conformance::new(|mut spec| {
        spec.min_workers = 0;
        Reference::new(spec, Fault::None)
    });
    let failure = suite.run(case("p1_stats_show_min_workers"));
    let text = failure.unwrap_err().to_string();
    let note = "the case needs `min_workers`, which a pool without it lists under `without`";
    assert!(text.contains(note), "{text}");
    let suite = Conformance::new(|spec| Reference::new(spec, Fault::IsNeverOnWorker));
    let failure = suite.run(case("p4_on_worker_is_true_inside_a_job"));
    assert!(!failure.unwrap_err().to_string().contains("the case needs"));
}

/// P5, P8: a pool that hangs in every case fails fast: after the first case, no other waits for the full timeout.
#[test]
fn after_one_case_has_hung_the_others_get_less_time() {
    let limit = Duration::from_secs(2);
    let suite = Conformance::new(|spec| Reference::new(spec, Fault::WaitsInTrySubmit));
    let suite = suite.stall_timeout(limit);
    let timed = |name| {
        let started = Instant::now();
        let failure = suite.run(case(name)).unwrap_err().to_string();
        (started.elapsed(), failure)
    };
    let (first, failure) = timed("try_submit_never_blocks");
    assert!(first >= limit, "{first:?}: {failure}");
    assert!(!failure.contains("another case"), "{failure}");
    let (second, failure) = timed("p2_no_more_jobs_wait_than_the_capacity");
    assert!(second < limit, "{second:?}: {failure}");
    let note = "another case had made no progress for 2s, so this one was given 200ms";
    assert!(failure.contains(note), "{failure}");
    // A case that does not hang is none the worse for it.
    assert!(suite.run(case("p4_on_worker_is_true_inside_a_job")).is_ok());
}

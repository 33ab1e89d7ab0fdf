//! What the author of a store sees that fails.

use std::sync::mpsc::channel;
use std::time::Duration;

use soiree_testkit::{
    FaultyStore, MemoryStore, StoreCase, StoreConformance, StoreContent, StoreFault, StoreMethod,
};

use crate::broken::{Broken, Fault};

fn case(name: &str) -> &'static StoreCase {
    let cases = StoreConformance::cases().iter();
    let mut cases = cases.filter(|case| case.name() == name);
    cases.next().expect("there is such a case")
}

fn failure(suite: &StoreConformance, name: &str) -> String {
    suite.run(case(name)).unwrap_err().to_string()
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}");
    }
}

/// D5, D6: a failure says what does not hold, what the promise means, and which methods to look at.
#[test]
fn a_failure_explains_the_promise() {
    let suite = StoreConformance::new(|| Broken::content(Fault::TakesAnyContentForADuplicate));
    let text = failure(&suite, "d6_other_content_with_the_same_id_is_a_conflict");
    assert_contains(
        &text,
        &[
            "\"D6, other content with the same id is a conflict\" does not hold: another topic: [Duplicate(Position(1))] instead of",
            "D6 means: an event with an ID",
            "Where to look: `commit` compares IDs",
        ],
    );
    for case in StoreConformance::cases() {
        let explanation = case.explanation();
        match case.promise() {
            Some(promise) => assert!(explanation.starts_with(&promise), "{case:?}: {explanation}"),
            None => assert!(explanation.contains("docs"), "{case:?}: {explanation}"),
        }
    }
}

/// D3: random calls that go wrong come as a short sequence.
#[test]
fn a_failure_of_random_calls_shows_the_shortest_sequence() {
    let suite = StoreConformance::new(|| Broken::content(Fault::DiscardsNothing));
    let text = failure(&suite, "d3_random_calls_do_what_a_simple_model_does");
    // An append, a mark and a discard are enough; the search for less ends at some point.
    assert_contains(
        &text,
        &["after call ", "the calls:\n1. Append(", "Discard {"],
    );
    assert!(!text.contains("\n7. "), "{text}");
}

/// D13: a call that fails is named, with the error of the store.
#[test]
fn a_failure_names_the_call_that_failed() {
    let suite = StoreConformance::new(|| {
        let store = MemoryStore::new();
        StoreContent::new(move || {
            let store = FaultyStore::new(store.another_process());
            store.fail_all(StoreMethod::Sweep, StoreFault::busy());
            store
        })
    });
    let text = failure(&suite, "d15_at_rest_the_store_is_empty");
    let error = "sweep fails: a memory store is busy: another process writes";
    assert_contains(&text, &[error]);
}

/// D12, D17: without what harms the content, the failure says what to set.
#[test]
fn a_failure_says_what_the_content_lacks() {
    let suite = StoreConformance::new(|| {
        let store = MemoryStore::new();
        StoreContent::new(move || store.another_process())
    });
    for (name, lacks) in [
        (
            "d12_a_full_store_loses_nothing_and_takes_marks",
            "no StoreContent::little_room; set it, or list `full`",
        ),
        (
            "d17_a_damaged_event_is_named_and_the_others_are_read",
            "no StoreContent::damage; set it, or list `damage`",
        ),
    ] {
        assert_contains(&failure(&suite, name), &[lacks]);
    }
}

/// D13: a store that hangs fails the case when the time is up.
#[test]
fn a_store_that_hangs_fails_the_case() {
    let (open, is_open) = channel::<()>();
    let is_open = std::sync::Mutex::new(is_open);
    let suite = StoreConformance::new(move || {
        let _ = is_open.lock().unwrap().recv();
        StoreContent::new(MemoryStore::new)
    });
    let suite = suite.timeout(Duration::from_millis(50));
    let text = failure(&suite, "d1_a_new_store_is_empty");
    assert_contains(&text, &["it has not ended in 50ms"]);
    drop(open);
}

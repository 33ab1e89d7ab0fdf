//! The window of a listener, against what is promised of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use soiree_core::OrderingKey;
use soiree_core::store::{Millis, Parked, ParkedState, Position, Progress, Term};

use super::{Admitted, Outcome, Window};

const NOW: Millis = Millis(1_000);

fn term() -> Term {
    Term {
        listener: Arc::from("listener"),
        number: 1,
    }
}

fn window(limit: usize) -> Window {
    Window::new(limit, 10, &Progress::default())
}

fn failed(delay: Option<u64>) -> Outcome {
    Outcome::Failed("no".into(), delay.map(Duration::from_millis))
}

fn key(name: &str) -> Option<OrderingKey> {
    Some(OrderingKey::from(name))
}

/// D12: of an error only a part is kept, however long it is, and cut between characters.
#[test]
fn a_long_error_is_cut() {
    let mut window = window(10);
    let long = "é".repeat(1 << 20);
    window.admit(Position(1), None, NOW);
    let outcome = Outcome::Failed(format!("x{long}").into(), None);
    window.end(Position(1), outcome, NOW);
    window.bury(Position(2), long, NOW);
    for parked in window.take_marks(&term()).unwrap().parked {
        let error = parked.error.unwrap();
        assert!(error.len() < 2_100, "{}", error.len());
        assert!(error.contains("bytes in all"), "{error}");
    }
}

/// D3: the floor passes no event that has not ended, and passes those that are parked.
#[test]
fn the_floor_stops_at_the_first_event_that_runs() {
    let mut window = window(10);
    for position in 1..=4 {
        assert_eq!(window.admit(Position(position), None, NOW), Admitted::Start);
    }
    window.end(Position(2), Outcome::Done, NOW);
    let marks = window.take_marks(&term()).unwrap();
    assert_eq!((marks.floor, marks.ended), (None, vec![Position(2)]));
    window.end(Position(1), failed(Some(5)), NOW);
    let marks = window.take_marks(&term()).unwrap();
    assert_eq!(marks.floor, Some(Position(2)));
    assert_eq!(marks.parked.len(), 1);
    assert_eq!(marks.parked[0].state, ParkedState::Retry);
    assert_eq!(marks.parked[0].due, Millis(1_005));
    assert!(window.take_marks(&term()).is_none());
}

/// D4: an event behind a failed one of its key waits until that one has ended; another key goes on.
#[test]
fn a_retry_holds_up_its_key_and_no_other() {
    let mut window = window(10);
    assert_eq!(window.admit(Position(1), key("a"), NOW), Admitted::Start);
    assert_eq!(window.admit(Position(2), key("a"), NOW), Admitted::Held);
    assert_eq!(window.admit(Position(3), key("b"), NOW), Admitted::Start);
    assert_eq!(window.end(Position(1), failed(Some(5)), NOW), None);
    assert_eq!(window.admit(Position(4), key("a"), NOW), Admitted::Behind);
    assert_eq!(window.next_due(NOW, true), None);
    let later = Millis(1_005);
    assert_eq!(window.next_due(later, true), Some(Position(1)));
    assert_eq!(window.next_due(later, true), None);
    window.marked(Position(1));
    window.end(Position(1), Outcome::Done, later);
    assert_eq!(window.next_due(later, true), Some(Position(2)));
    window.end(Position(2), failed(None), later);
    assert_eq!(
        window.next_due(later, true),
        Some(Position(4)),
        "a dead one holds up nobody"
    );
}

/// D9: an event that was running at the third end of the process is dead; until then it is tried alone.
#[test]
fn a_suspect_is_tried_alone_and_is_dead_after_three_crashes() {
    let mut window = window(10);
    for (position, crashes) in [(1, 1), (2, 2), (3, 0)] {
        let parked = Parked {
            position: Position(position),
            state: ParkedState::Running,
            attempts: 0,
            crashes,
            due: NOW,
            key: None,
            error: None,
        };
        window.restore(parked, NOW, Duration::ZERO);
    }
    let marks = window.take_marks(&term()).unwrap();
    let states: Vec<_> = marks.parked.iter().map(|p| (p.state, p.crashes)).collect();
    assert_eq!(
        states,
        [
            (ParkedState::Suspect, 2),
            (ParkedState::Dead, 3),
            (ParkedState::Suspect, 1)
        ]
    );
    // The one that has ended the process less often goes first.
    assert_eq!(window.next_due(NOW, true), Some(Position(3)));
    assert_eq!(window.next_due(NOW, true), None, "one at a time");
    window.end(Position(3), Outcome::Done, NOW);
    assert_eq!(window.next_due(NOW, true), Some(Position(1)));
}

/// D4, D12: an event that may have been running waits for one before it of its key that the store still has, and takes no place from it.
#[test]
fn a_suspect_waits_for_what_the_store_still_has_of_its_key() {
    let mut window = Window::new(10, 2, &Progress::default());
    let retry = |position, key| Parked {
        position: Position(position),
        state: ParkedState::Retry,
        attempts: 1,
        crashes: 0,
        due: NOW,
        key,
        error: None,
    };
    window.set_unrestored(Some(Position::START));
    window.restore(retry(1, key("a")), NOW, Duration::ZERO);
    window.restore(retry(2, key("a")), NOW, Duration::ZERO);
    window.set_unrestored(Some(Position(2)));
    window.suspect(Position(4), key("b"), NOW);
    assert_eq!(window.places_to_park(), 0);
    assert_eq!(window.next_due(NOW, true), Some(Position(1)));
    assert_eq!(window.next_due(NOW, true), None, "3 comes before 4");
    assert!(!window.has_room());
    window.end(Position(1), Outcome::Done, NOW);
    assert_eq!(window.places_to_park(), 1);
    window.restore(retry(3, key("b")), NOW, Duration::ZERO);
    window.set_unrestored(None);
    let due = [window.next_due(NOW, true), window.next_due(NOW, true)];
    assert_eq!(due, [Some(Position(2)), Some(Position(3))]);
    assert_eq!(window.next_due(NOW, true), None);
    window.end(Position(3), Outcome::Done, NOW);
    assert_eq!(window.next_due(NOW, true), Some(Position(4)));
}

/// D7: a clock that was set back strands no retry.
#[test]
fn a_due_time_in_the_far_future_is_brought_near() {
    let mut window = window(10);
    let parked = Parked {
        position: Position(1),
        state: ParkedState::Retry,
        attempts: 1,
        crashes: 0,
        due: Millis(NOW.0 + 86_400_000),
        key: None,
        error: None,
    };
    window.restore(parked, NOW, Duration::from_secs(2));
    assert_eq!(window.earliest_due(), Some(Millis(NOW.0 + 2_000)));
    // The next process knows it as well, and puts it off no further.
    let marks = window.take_marks(&term()).unwrap();
    let due: Vec<Millis> = marks.parked.iter().map(|parked| parked.due).collect();
    assert_eq!(due, [Millis(NOW.0 + 2_000)]);
}

/// D4: an event that is redriven while a later one of its key runs waits for that, and goes before what comes after.
#[test]
fn a_redriven_event_waits_for_a_later_one_that_runs() {
    for outcome in [Outcome::Done, failed(Some(5))] {
        let mut window = window(10);
        assert_eq!(window.admit(Position(1), key("a"), NOW), Admitted::Start);
        window.end(Position(1), failed(None), NOW);
        assert_eq!(window.admit(Position(2), key("a"), NOW), Admitted::Start);
        assert_eq!(window.admit(Position(3), key("a"), NOW), Admitted::Held);
        window.redriven(Parked {
            position: Position(1),
            state: ParkedState::Retry,
            attempts: 0,
            crashes: 0,
            due: NOW,
            key: key("a"),
            error: None,
        });
        assert_eq!(window.next_due(NOW, true), None);
        let retries = matches!(outcome, Outcome::Failed(..));
        assert_eq!(window.end(Position(2), outcome, NOW), None);
        let later = Millis(NOW.0 + 5);
        assert_eq!(window.next_due(later, true), Some(Position(1)));
        assert_eq!(window.next_due(later, true), None);
        window.marked(Position(1));
        let next = window.end(Position(1), Outcome::Done, later);
        let second = retries.then_some(Position(2));
        assert_eq!(
            (next, window.next_due(later, true)),
            match second {
                Some(_) => (None, second),
                None => (Some(Position(3)), None),
            }
        );
    }
}

/// D7: an event that no attempt has failed for is due at once, also if it was redriven before the clock was set back.
#[test]
fn an_event_without_a_failed_attempt_is_due_whatever_the_clock_said() {
    let mut window = window(10);
    for (position, state) in [(1, ParkedState::Retry), (2, ParkedState::Behind)] {
        let parked = Parked {
            position: Position(position),
            state,
            attempts: 0,
            crashes: 0,
            due: Millis(NOW.0 + 86_400_000),
            key: None,
            error: None,
        };
        window.restore(parked, NOW, Duration::from_secs(2));
    }
    assert_eq!(window.next_due(NOW, true), Some(Position(1)));
    assert_eq!(window.next_due(NOW, true), Some(Position(2)));
}

#[derive(Debug, Clone)]
enum Step {
    Admit(Option<u8>),
    Pass,
    End(usize, u8),
    Due,
    Later,
    Marks,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::option::weighted(0.7, 0..3_u8).prop_map(Step::Admit),
        1 => Just(Step::Pass),
        4 => (any::<usize>(), 0..4_u8).prop_map(|(which, how)| Step::End(which, how)),
        2 => Just(Step::Due),
        1 => Just(Step::Later),
        1 => Just(Step::Marks),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// D3, D4, D5: whatever happens, an event runs only if it is the first of its key that has not ended, nothing runs twice at once,
    /// and what the marks say adds up to exactly the events that were looked at.
    #[test]
    fn marks_tell_every_event_and_keys_stay_in_order(steps in steps()) {
        let mut window = window(5);
        let mut now = NOW;
        let mut last = 0;
        // The oracle: what runs, and which events of each key have not ended.
        let mut running: Vec<Position> = Vec::new();
        let mut keys: HashMap<Position, u8> = HashMap::new();
        let mut open: BTreeMap<Position, ()> = BTreeMap::new();
        // Passed again after a restart, so they are not marked.
        let mut passed: BTreeSet<Position> = BTreeSet::new();
        // What a store would know.
        let (mut floor, mut ended, mut parked) = (Position(0), Vec::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Admit(named) if window.has_room() => {
                    last += 1;
                    let position = Position(last);
                    open.insert(position, ());
                    if let Some(named) = named {
                        keys.insert(position, named);
                    }
                    let key = named.map(OrderingKey::from);
                    if window.admit(position, key, now) == Admitted::Start {
                        running.push(position);
                    }
                }
                Step::Pass => {
                    last += 1;
                    window.pass(Position(last), true);
                    passed.insert(Position(last));
                }
                Step::End(which, how) if !running.is_empty() => {
                    let position = running.remove(which % running.len());
                    let outcome = match how {
                        0 => Outcome::Done,
                        1 => failed(Some(10)),
                        2 => failed(None),
                        _ => Outcome::NotCalled,
                    };
                    if how == 0 || how == 2 {
                        open.remove(&position);
                    }
                    running.extend(window.end(position, outcome, now));
                }
                Step::Due => {
                    while let Some(position) = window.next_due(now, true) {
                        window.marked(position);
                        running.push(position);
                    }
                }
                Step::Later => now = Millis(now.0 + 30),
                Step::Marks => {
                    if let Some(marks) = window.take_marks(&term()) {
                        for one in marks.parked {
                            parked.insert(one.position, one.state);
                        }
                        for one in &marks.ended {
                            parked.remove(one);
                        }
                        ended.extend(marks.ended);
                        floor = floor.max(marks.floor.unwrap_or_default());
                    }
                }
                _ => {}
            }
            for (index, position) in running.iter().enumerate() {
                prop_assert!(!running[..index].contains(position), "{position} runs twice");
                if let Some(named) = keys.get(position) {
                    let first = open.keys().find(|open| keys.get(open) == Some(named));
                    prop_assert_eq!(first, Some(position), "the first of its key runs");
                }
            }
            if let Some(marks) = window.take_marks(&term()) {
                for one in marks.parked {
                    parked.insert(one.position, one.state);
                }
                for one in &marks.ended {
                    parked.remove(one);
                }
                ended.extend(marks.ended);
                floor = floor.max(marks.floor.unwrap_or_default());
            }
            for position in (1..=last).map(Position).filter(|one| !passed.contains(one)) {
                let known_ended = match parked.get(&position) {
                    Some(state) => *state == ParkedState::Dead,
                    None => position <= floor || ended.contains(&position),
                };
                prop_assert_eq!(known_ended, !open.contains_key(&position), "{}", position);
            }
        }
    }
}

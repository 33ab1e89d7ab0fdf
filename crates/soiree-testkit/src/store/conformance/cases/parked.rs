//! Parked events: those that wait for another attempt, and dead ones.

use soiree_core::OrderingKey;
use soiree_core::store::{ListenerState, Marks, Millis, Parked, ParkedState, Position, Term};

use super::super::content::StoreContent;
use super::super::tested::{Tested, expect, parked, same};

fn peculiar(positions: &[Position]) -> Vec<Parked> {
    let keys = [
        Some(OrderingKey::from("köy \0")),
        Some(OrderingKey::from(-7)),
        Some(OrderingKey::from(u128::MAX)),
        Some(OrderingKey::from("")),
        None,
    ];
    let states = ParkedState::ALL.into_iter().zip(keys).zip(positions);
    states
        .map(|((state, key), position)| Parked {
            position: *position,
            state,
            attempts: u32::from(*position == positions[0]) * u32::MAX,
            crashes: 2,
            due: Millis(position.0 as i64 - 3),
            key,
            error: match state {
                ParkedState::Behind => None,
                _ => Some(format!("no \"ledger\"\n{state} ✗").into()),
            },
        })
        .collect()
}

fn park_all(store: &Tested) -> (Term, Vec<Parked>) {
    let parked = peculiar(&store.put(1..=5));
    let (term, _) = store.claim("ledger");
    store.mark(Marks {
        parked: parked.clone(),
        ..Marks::new(term.clone())
    });
    (term, parked)
}

pub(crate) fn d7_a_parked_event_comes_back_as_it_was(content: &StoreContent) {
    let store = content.store();
    let (_, all) = park_all(&store);
    same("parked events", store.parked("ledger"), all.clone());
    for parked in all {
        let state = store.state("ledger", parked.position);
        let expected = ListenerState::Parked(parked);
        same("the state of the event", state, expected);
    }
}

pub(crate) fn d7_parked_events_survive_the_end_of_the_process(content: &StoreContent) {
    let store = content.store();
    let (_, all) = park_all(&store);
    store.end();
    let store = content.store();
    same("parked events", store.parked("ledger"), all);
}

pub(crate) fn d7_parking_again_replaces_what_was_parked(content: &StoreContent) {
    let store = content.store();
    let (term, mut all) = park_all(&store);
    all[1] = Parked {
        attempts: 4,
        key: None,
        error: None,
        ..parked(all[1].position, ParkedState::Dead)
    };
    store.park(&term, all[1].clone());
    same("parked events", store.parked("ledger"), all);
}

pub(crate) fn d7_an_event_that_has_ended_is_parked_no_longer(content: &StoreContent) {
    let store = content.store();
    let (term, mut all) = park_all(&store);
    store.floor(&term, all[2].position);
    // Below the floor, and above it.
    store.ended(&term, &[all[0].position, all[4].position]);
    for position in [all[0].position, all[4].position] {
        let state = store.state("ledger", position);
        same("the state of the event", state, ListenerState::Ended);
    }
    same("events done", store.listener("ledger").done, 1);
    all.pop();
    all.remove(0);
    same("parked events", store.parked("ledger"), all);
}

pub(crate) fn parked_returns_events_after_a_position_in_order(content: &StoreContent) {
    let store = content.store();
    let (_, all) = park_all(&store);
    let page = |after, limit| expect("parked", store.raw().parked("ledger", None, after, limit));
    same("a page", page(Position::START, 2), all[..2].to_vec());
    same("a page", page(all[1].position, 2), all[2..4].to_vec());
    same("a page", page(all[3].position, 9), all[4..].to_vec());
    same("a page", page(all[4].position, 9), Vec::new());
    let nobody = store.raw().parked("nobody", None, Position::START, 9);
    let nobody = expect("parked", nobody);
    same("a listener that is not known", nobody, Vec::new());
}

pub(crate) fn parked_returns_only_events_of_the_state(content: &StoreContent) {
    let store = content.store();
    let (term, _) = store.claim("ledger");
    let positions = store.put(1..=10);
    let parked: Vec<Parked> = [&positions[..5], &positions[5..]]
        .iter()
        .flat_map(|half| peculiar(half))
        .collect();
    store.mark(Marks {
        parked: parked.clone(),
        ..Marks::new(term)
    });
    for (index, state) in ParkedState::ALL.into_iter().enumerate() {
        let page = |limit| {
            let start = Position::START;
            expect(
                "parked",
                store.raw().parked("ledger", Some(state), start, limit),
            )
        };
        let both = vec![parked[index].clone(), parked[index + 5].clone()];
        same("a page", page(1), both[..1].to_vec());
        same("a page", page(9), both);
    }
}

pub(crate) fn d8_redrive_makes_dead_events_due_at_once(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    store.mark(Marks {
        floor: Some(positions[1]),
        parked: vec![
            Parked {
                key: Some(OrderingKey::from(7)),
                ..parked(positions[0], ParkedState::Dead)
            },
            parked(positions[2], ParkedState::Dead),
        ],
        ..Marks::new(term)
    });
    let ends = [positions[0], positions[2]];
    let redriven = store.redrive("ledger", &ends, Millis(9));
    same("events that were redriven", redriven, ends.to_vec());
    let found = store.parked("ledger");
    let found: Vec<_> = found
        .into_iter()
        .map(|parked| (parked.position, parked.state, parked.attempts, parked.due))
        .collect();
    let expected = ends.map(|position| (position, ParkedState::Retry, 0, Millis(9)));
    same("parked events", found, expected.to_vec());
    let key = store.parked("ledger").remove(0).key;
    same("the key of the event", key, Some(OrderingKey::from(7)));
}

pub(crate) fn d8_redrive_changes_dead_events_only(content: &StoreContent) {
    let store = content.store();
    let (_, mut all) = park_all(&store);
    let last = store.put(6..=6)[0];
    let mut at: Vec<Position> = all.iter().map(|parked| parked.position).collect();
    let Some(dead) = all.pop() else { return };
    at.extend([last, last.next()]);
    let redriven = store.redrive("ledger", &at, Millis(9));
    same("events that were redriven", redriven, vec![dead.position]);
    let mut found = store.parked("ledger");
    found.pop();
    same("events that were not dead", found, all);
    let state = store.state("ledger", last);
    same("the state of another event", state, ListenerState::Waiting);
    same(
        "events of a listener that is not known",
        store.redrive("nobody", &at, Millis(9)),
        Vec::new(),
    );
}

pub(crate) fn d8_discard_ends_dead_events(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    let dead = [positions[0], positions[2]];
    store.mark(Marks {
        floor: Some(positions[0]),
        parked: dead
            .map(|position| parked(position, ParkedState::Dead))
            .to_vec(),
        ..Marks::new(term)
    });
    let discarded = store.discard("ledger", &dead);
    same("events that were discarded", discarded, dead.to_vec());
    same("parked events", store.parked("ledger"), Vec::new());
    for position in dead {
        let state = store.state("ledger", position);
        same("the state of the event", state, ListenerState::Ended);
    }
    let state = store.state("ledger", positions[1]);
    same("the state of another", state, ListenerState::Waiting);
    let done = store.progress("ledger").done;
    same("events done", done, vec![positions[2]]);
}

pub(crate) fn d8_discard_changes_dead_events_only(content: &StoreContent) {
    let store = content.store();
    let (_, mut all) = park_all(&store);
    let last = store.put(6..=6)[0];
    let mut at: Vec<Position> = all.iter().map(|parked| parked.position).collect();
    let Some(dead) = all.pop() else { return };
    at.extend([last, last.next()]);
    let discarded = store.discard("ledger", &at);
    same("events that were discarded", discarded, vec![dead.position]);
    same("events that were not dead", store.parked("ledger"), all);
    let state = store.state("ledger", last);
    same("the state of another event", state, ListenerState::Waiting);
    let nobody = store.discard("nobody", &at);
    same("a listener that is not known", nobody, Vec::new());
}

pub(crate) fn d8_redrive_and_discard_need_no_claim(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let positions = store.put(1..=2);
    let (term, _) = store.claim("ledger");
    store.mark(Marks {
        parked: positions
            .iter()
            .map(|position| parked(*position, ParkedState::Dead))
            .collect(),
        ..Marks::new(term.clone())
    });
    let redriven = other.redrive("ledger", &positions[..1], Millis(1));
    same("events that were redriven", redriven, positions[..1].into());
    let discarded = other.discard("ledger", &positions[1..]);
    same(
        "events that were discarded",
        discarded,
        positions[1..].into(),
    );
    same("parked events", store.parked("ledger").len(), 1);
    store.floor(&term, positions[1]);
}

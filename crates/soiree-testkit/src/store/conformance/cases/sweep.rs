//! Events go when every listener has ended them.

use soiree_core::store::{Marks, Millis, ParkedState, Position};

use super::super::content::StoreContent;
use super::super::tested::{LATER, check, parked, same};

pub(crate) fn d15_at_rest_the_store_is_empty(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    for name in ["ledger", "mail"] {
        let (term, _) = store.claim(name);
        store.ended(&term, &positions[2..]);
        store.floor(&term, positions[1]);
    }
    same("events that were swept", store.sweep_all(), 4);
    same("events", store.positions(), Vec::new());
    same("the number of events", store.count(), 0);
    same("find", store.find(1), None);
    same("fetch", store.fetch(&positions), Vec::new());
    same("events that were swept again", store.sweep_all(), 0);
}

pub(crate) fn d15_sweep_keeps_what_a_listener_has_not_ended(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=5);
    let (ledger, _) = store.claim("ledger");
    let (mail, _) = store.claim("mail");
    store.floor(&ledger, positions[4]);
    store.floor(&mail, positions[0]);
    store.ended(&mail, &[positions[2]]);
    same("events that were swept", store.sweep_all(), 2);
    let kept = vec![positions[1], positions[3], positions[4]];
    same("events", store.positions(), kept);
}

pub(crate) fn d15_sweep_keeps_what_is_parked(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=7);
    let (term, _) = store.claim("ledger");
    let states = ParkedState::ALL.into_iter().zip(&positions[1..6]);
    store.mark(Marks {
        floor: Some(positions[6]),
        parked: states
            .map(|(state, position)| parked(*position, state))
            .collect(),
        ..Marks::new(term)
    });
    same("events that were swept", store.sweep_all(), 2);
    same("events", store.positions(), positions[1..6].to_vec());
}

pub(crate) fn d15_sweep_keeps_young_events(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4); // Each was emitted at its ID in milliseconds.
    let swept = store.sweep_fully(positions[3], Millis(3));
    same("events that were swept", swept, 2);
    same("events", store.positions(), positions[2..].to_vec());
}

pub(crate) fn d15_sweep_removes_no_more_than_the_limit(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=5);
    let mut left = 5;
    for _ in 0..20 {
        let swept = store.sweep(positions[4], LATER, 2);
        check(
            swept <= 2,
            &format!("{swept} events are swept at a limit of 2"),
        );
        left -= swept;
        same("the number of events", store.count(), left);
    }
    same("the number of events after 20 sweeps", left, 0);
}

pub(crate) fn d15_sweep_keeps_events_above_the_position(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    same(
        "events that were swept",
        store.sweep_fully(Position::START, LATER),
        0,
    );
    same(
        "events that were swept",
        store.sweep_fully(positions[1], LATER),
        2,
    );
    same("events", store.positions(), positions[2..].to_vec());
}

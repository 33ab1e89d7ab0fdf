//! How far a listener has come is recorded, and never moves back.

use soiree_core::store::{ListenerState, Marks, ParkedState, Position, Progress};

use super::super::content::StoreContent;
use super::super::tested::{check, parked, same};

pub(crate) fn d3_a_floor_never_moves_back(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    for floor in [positions[1], positions[0], Position::START] {
        store.floor(&term, floor);
        same("the floor", store.listener("ledger").floor, positions[1]);
    }
    store.mark(Marks::new(term));
    same("the floor", store.listener("ledger").floor, positions[1]);
    same("the floor", store.progress("ledger").floor, positions[1]);
}

pub(crate) fn d3_what_has_ended_above_the_floor_is_remembered(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=5);
    let (term, _) = store.claim("ledger");
    store.ended(&term, &[positions[4], positions[2]]);
    store.floor(&term, positions[0]);
    let states: Vec<bool> = positions
        .iter()
        .map(|position| store.state("ledger", *position) == ListenerState::Ended)
        .collect();
    let expected = vec![true, false, true, false, true];
    same("whether each event has ended", states, expected);
    same("events done", store.listener("ledger").done, 2);
    let done = store.progress("ledger").done;
    same("events done", done, vec![positions[2], positions[4]]);
}

pub(crate) fn d3_what_the_floor_passes_is_folded_away(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=5);
    let (term, _) = store.claim("ledger");
    store.ended(&term, &[positions[1], positions[2], positions[4]]);
    // One that the same marks end, at the new floor.
    store.mark(Marks {
        floor: Some(positions[2]),
        ended: vec![positions[0], positions[2]],
        ..Marks::new(term.clone())
    });
    same("events done", store.listener("ledger").done, 1);
    store.ended(&term, &[positions[1]]);
    let progress = store.progress("ledger");
    same("events done", progress.done, vec![positions[4]]);
    same("the floor", progress.floor, positions[2]);
}

pub(crate) fn d3_the_floor_passes_what_is_parked(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    let waiting = parked(positions[0], ParkedState::Retry);
    store.park(&term, waiting.clone());
    store.floor(&term, positions[2]);
    same("the floor", store.listener("ledger").floor, positions[2]);
    same("parked", store.parked("ledger"), vec![waiting.clone()]);
    let state = store.state("ledger", positions[0]);
    same(
        "the state of the event",
        state,
        ListenerState::Parked(waiting.clone()),
    );
    let state = store.state("ledger", positions[1]);
    same("the state of another", state, ListenerState::Ended);
}

pub(crate) fn d3_listeners_share_no_progress(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (ledger, _) = store.claim("ledger");
    let (mail, _) = store.claim("mail");
    store.mark(Marks {
        floor: Some(positions[0]),
        begun: Some(positions[2]),
        ended: vec![positions[2]],
        parked: vec![parked(positions[1], ParkedState::Dead)],
        clean: Some(true),
        ..Marks::new(ledger)
    });
    same("parked events of another", store.parked("mail"), Vec::new());
    for position in positions {
        let state = store.state("mail", position);
        same("the state for another", state, ListenerState::Waiting);
    }
    store.release(&mail);
    let progress = store.progress("mail");
    let untouched = Progress {
        clean: false,
        ..Progress::default()
    };
    same("the progress of another", progress, untouched);
}

pub(crate) fn d3_progress_survives_the_end_of_the_process(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    let (term, _) = store.claim("ledger");
    store.mark(Marks {
        floor: Some(positions[0]),
        begun: Some(positions[3]),
        ended: vec![positions[2]],
        ..Marks::new(term)
    });
    store.end();
    let store = content.store();
    let expected = Progress {
        floor: positions[0],
        begun: positions[3],
        done: vec![positions[2]],
        clean: false,
        is_new: false,
    };
    let known = store.opened.listeners.iter();
    let known: Vec<(&str, Position)> = known
        .map(|listener| (&*listener.name, listener.floor))
        .collect();
    same("what open returns", known, vec![("ledger", positions[0])]);
    same("the progress", store.progress("ledger"), expected);
}

pub(crate) fn d5_begun_never_moves_back(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    for begun in [positions[1], positions[0]] {
        store.mark(Marks {
            begun: Some(begun),
            ..Marks::new(term.clone())
        });
    }
    store.floor(&term, positions[0]);
    store.release(&term);
    same(
        "the last event that may have started",
        store.progress("ledger").begun,
        positions[1],
    );
}

pub(crate) fn d5_a_clean_stop_holds_until_the_next_claim(content: &StoreContent) {
    let store = content.store();
    let clean = |term, clean| {
        store.mark(Marks {
            clean: Some(clean),
            ..Marks::new(term)
        });
    };
    let (term, progress) = store.claim("ledger");
    check(progress.clean, "a new listener is not clean");
    clean(term.clone(), true);
    clean(term.clone(), false);
    store.release(&term);
    let (term, progress) = store.claim("ledger");
    check(
        !progress.clean,
        "it is clean, although the last mark said that it is not",
    );
    clean(term.clone(), true);
    store.mark(Marks::new(term.clone()));
    store.release(&term);
    let (term, progress) = store.claim("ledger");
    check(progress.clean, "it is not clean after a clean stop");
    store.release(&term);
    let (_, progress) = store.claim("ledger");
    check(
        !progress.clean,
        "it is still clean, although it was claimed since",
    );
}

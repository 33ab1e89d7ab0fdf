//! Listeners are known by name, and can be renamed and removed.

use soiree_core::store::{ListenerState, Marks, ParkedState, Position, StoredListener};

use super::super::content::StoreContent;
use super::super::tested::{Tested, check, expect, expect_busy, parked, same};

/// A listener with a floor, and with done, parked and dead events above it. It is not claimed.
fn prepare(store: &Tested, name: &str, positions: &[Position]) -> StoredListener {
    let (term, _) = store.claim(name);
    store.mark(Marks {
        floor: Some(positions[0]),
        ended: vec![positions[2]],
        parked: vec![
            parked(positions[1], ParkedState::Retry),
            parked(positions[3], ParkedState::Dead),
            parked(positions[4], ParkedState::Suspect),
        ],
        ..Marks::new(term.clone())
    });
    store.release(&term);
    StoredListener {
        name: name.into(),
        pattern: "order.*".into(),
        floor: positions[0],
        done: 1,
        parked: 2,
        dead: 1,
        waiting: (positions.len() - 5) as u64,
        term: term.number,
    }
}

fn remove(store: &Tested, name: &str) -> bool {
    expect("remove_listener", store.raw().remove_listener(name))
}

fn rename(store: &Tested, old: &str, new: &str) -> bool {
    expect("rename_listener", store.raw().rename_listener(old, new))
}

pub(crate) fn d15_listeners_are_known_with_their_figures(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=6);
    let ledger = prepare(&store, "ledger", &positions);
    let (term, _) = store.claim("Zoë's mail");
    let mail = StoredListener {
        name: "Zoë's mail".into(),
        floor: Position::START,
        done: 0,
        parked: 0,
        dead: 0,
        waiting: 6,
        term: term.number,
        ..ledger.clone()
    };
    let mut found = store.listeners();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    same("listeners", found, vec![mail, ledger]);
}

pub(crate) fn d15_the_figures_of_a_listener_add_up(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=9);
    prepare(&store, "ledger", &positions);
    let (term, _) = store.claim("ledger");
    store.floor(&term, positions[2]);
    store.ended(&term, &[positions[4], positions[7]]);
    let listener = store.listener("ledger");
    let states = positions.iter().map(|at| store.state("ledger", *at));
    let (mut waiting, mut done, mut waits, mut dead) = (0, 0, 0, 0);
    for (state, position) in states.zip(&positions) {
        match state {
            ListenerState::Parked(parked) if parked.state == ParkedState::Dead => dead += 1,
            ListenerState::Parked(_) => waits += 1,
            ListenerState::Ended if *position > listener.floor => done += 1,
            ListenerState::Waiting => waiting += 1,
            _ => {}
        }
    }
    same(
        "done, parked, dead and waiting events",
        (
            listener.done,
            listener.parked,
            listener.dead,
            listener.waiting,
        ),
        (done, waits, dead, waiting),
    );
    same(
        "done, parked, dead and waiting events",
        (done, waits, dead, waiting),
        (2, 1, 1, 3),
    );
}

pub(crate) fn d15_a_removed_listener_leaves_nothing(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=6);
    prepare(&store, "ledger", &positions);
    same("events that were swept", store.sweep_all(), 2);
    check(remove(&store, "ledger"), "a known listener is not removed");
    check(
        !remove(&store, "ledger"),
        "a listener that is not known is removed",
    );
    same("listeners", store.listeners(), Vec::new());
    same("parked events", store.parked("ledger"), Vec::new());
    same("events that were swept", store.sweep_all(), 4);
    let (_, progress) = store.claim("ledger");
    check(progress.is_new, "a removed listener is not new");
    same("the floor", progress.floor, Position::START);
    same("events done", progress.done, Vec::new());
    let again = store.listener("ledger");
    same("parked and dead", (again.parked, again.dead), (0, 0));
}

pub(crate) fn d15_a_renamed_listener_keeps_its_progress(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=6);
    let ledger = prepare(&store, "ledger", &positions);
    let parked = store.parked("ledger");
    check(
        rename(&store, "ledger", "books"),
        "a known listener is not renamed",
    );
    let renamed = StoredListener {
        name: "books".into(),
        ..ledger.clone()
    };
    same("listeners", store.listeners(), vec![renamed]);
    same("parked events", store.parked("books"), parked);
    same("its old name", store.parked("ledger"), Vec::new());
    let (term, progress) = store.claim("books");
    check(!progress.is_new, "a renamed listener is new");
    check(term.number > ledger.term, "its terms start again");
    same("events done", progress.done, vec![positions[2]]);
}

pub(crate) fn d15_a_listener_is_not_renamed_to_a_name_in_use(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=6);
    let ledger = prepare(&store, "ledger", &positions);
    let (term, _) = store.claim("mail");
    store.release(&term);
    check(
        !rename(&store, "ledger", "mail"),
        "it is renamed to a name in use",
    );
    check(
        !rename(&store, "nobody", "somebody"),
        "a listener that is not known is renamed",
    );
    same("the listener", store.listener("ledger"), ledger);
    same("the other", store.listener("mail").floor, Position::START);
    same("the number of listeners", store.listeners().len(), 2);
}

pub(crate) fn d15_a_claimed_listener_is_neither_removed_nor_renamed(content: &StoreContent) {
    let store = content.store();
    let (term, _) = store.claim("ledger");
    expect_busy(store.raw().remove_listener("ledger"));
    expect_busy(store.raw().rename_listener("ledger", "books"));
    store.mark(Marks::new(term.clone()));
    store.release(&term);
    check(
        remove(&store, "ledger"),
        "a released listener is not removed",
    );
}

pub(crate) fn d15_a_listener_that_is_claimed_elsewhere_is_not_removed(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let (term, _) = store.claim("ledger");
    expect_busy(other.raw().remove_listener("ledger"));
    expect_busy(other.raw().rename_listener("ledger", "books"));
    store.mark(Marks::new(term));
}

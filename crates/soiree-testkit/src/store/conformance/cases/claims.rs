//! One process at a time handles the events of a listener.

use soiree_core::store::{Claim, ListenerState, Marks, Position, StartFrom};

use super::super::content::StoreContent;
use super::super::tested::{check, expect, expect_fenced, fail, same};

pub(crate) fn d3_a_new_listener_starts_now_or_at_the_oldest_event(content: &StoreContent) {
    let store = content.store();
    let last = store.put(1..=3)[2];
    for (name, start, from) in [
        ("now", StartFrom::Now, last),
        ("oldest", StartFrom::Oldest, Position::START),
    ] {
        let Claim::Held(term, progress) = store.try_claim(name, start) else {
            fail("a new listener is claimed elsewhere");
        };
        same("the floor", progress.floor, from);
        same("the last event that may have started", progress.begun, from);
        same("events done", progress.done, Vec::new());
        check(progress.clean, "a new listener is not clean");
        check(progress.is_new, "a new listener is not shown as new");
        same("the name in the term", &*term.listener, name);
        store.release(&term);
        // The start counts for a new listener only.
        for again in [StartFrom::Oldest, StartFrom::Now] {
            let Claim::Held(term, progress) = store.try_claim(name, again) else {
                fail("a released listener is claimed elsewhere");
            };
            check(!progress.is_new, "a known listener is shown as new");
            same("the floor", progress.floor, from);
            store.release(&term);
        }
    }
}

pub(crate) fn d14_each_claim_has_a_higher_term(content: &StoreContent) {
    let store = content.store();
    let mut before = 0;
    for _ in 0..3 {
        let (term, _) = store.claim("ledger");
        let (number, stored) = (term.number, store.listener("ledger").term);
        check(
            number > before,
            &format!("term {number} comes after term {before}"),
        );
        same("the term that is stored", stored, number);
        before = number;
        store.release(&term);
    }
}

pub(crate) fn d14_marks_of_an_overtaken_term_are_fenced(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=2);
    let (old, _) = store.claim("ledger");
    store.release(&old);
    let (new, _) = store.claim("ledger");
    let late = Marks {
        floor: Some(positions[0]),
        ended: vec![positions[1]],
        ..Marks::new(old.clone())
    };
    expect_fenced(store.try_mark(late));
    expect_fenced(store.try_mark(Marks::new(old)));
    for position in &positions {
        let state = store.state("ledger", *position);
        same("the state of an event", state, ListenerState::Waiting);
    }
    store.floor(&new, positions[1]);
}

pub(crate) fn d14_marks_of_a_removed_listener_are_fenced(content: &StoreContent) {
    let store = content.store();
    let (term, _) = store.claim("ledger");
    store.release(&term);
    expect("remove_listener", store.raw().remove_listener("ledger"));
    expect_fenced(store.try_mark(Marks::new(term)));
    same("listeners", store.listeners(), Vec::new());
}

pub(crate) fn d14_a_listener_is_claimed_by_one_process_at_a_time(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let position = store.put(1..=1)[0];
    let (term, _) = store.claim("ledger");
    for _ in 0..2 {
        let claim = other.try_claim("ledger", StartFrom::Now);
        same("the claim of another process", claim, Claim::Elsewhere);
    }
    // The attempts of the other process have changed nothing.
    same("the term", store.listener("ledger").term, term.number);
    store.floor(&term, position);
}

pub(crate) fn d14_processes_may_claim_different_listeners(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let position = store.put(1..=1)[0];
    let (ledger, _) = store.claim("ledger");
    let (mail, _) = other.claim("mail");
    store.floor(&ledger, position);
    other.floor(&mail, position);
    for listener in store.listeners() {
        same("the floor", listener.floor, position);
    }
}

pub(crate) fn d14_a_released_listener_is_free_for_others(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let (term, _) = store.claim("ledger");
    store.release(&term);
    let (_, progress) = other.claim("ledger");
    check(!progress.is_new, "a known listener is shown as new");
    let claim = store.try_claim("ledger", StartFrom::Now);
    same("the claim of the first", claim, Claim::Elsewhere);
}

pub(crate) fn d14_a_claim_ends_with_its_process(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let (term, _) = store.claim("ledger");
    store.end();
    let (next, _) = other.claim("ledger");
    check(
        next.number > term.number,
        &format!("term {} comes after term {}", next.number, term.number),
    );
}

pub(crate) fn d14_a_process_that_was_overtaken_can_mark_nothing(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let position = store.put(1..=1)[0];
    let (old, _) = store.claim("ledger");
    store.release(&old);
    let (new, _) = other.claim("ledger");
    let late = Marks {
        floor: Some(position),
        ..Marks::new(old)
    };
    expect_fenced(store.try_mark(late));
    let state = other.state("ledger", position);
    same("the state of the event", state, ListenerState::Waiting);
    other.floor(&new, position);
}

pub(crate) fn d14_renew_says_whether_the_claim_holds(content: &StoreContent) {
    let store = content.store();
    let renew = |term| expect("renew", store.raw().renew(term));
    let (old, _) = store.claim("ledger");
    check(renew(&old), "a claim that holds is not renewed");
    store.release(&old);
    let (new, _) = store.claim("ledger");
    check(!renew(&old), "a claim that was overtaken is renewed");
    check(renew(&new), "a claim that holds is not renewed");
    store.mark(Marks::new(new));
}

pub(crate) fn d14_a_late_release_ends_no_claim_of_others(content: &StoreContent) {
    let store = content.store();
    let (old, _) = store.claim("ledger");
    store.release(&old);
    let (new, _) = store.claim("ledger");
    store.release(&old);
    let holds = expect("renew", store.raw().renew(&new));
    check(
        holds,
        "a release with a term that was overtaken ends the claim of the next owner",
    );
}

pub(crate) fn a_claim_records_its_pattern(content: &StoreContent) {
    let store = content.store();
    for pattern in ["order.*", "invoice.**"] {
        let claim = store.raw().claim("ledger", pattern, StartFrom::Now);
        let Claim::Held(term, _) = expect("claim", claim) else {
            fail("a released listener is claimed elsewhere");
        };
        store.release(&term);
        let stored = store.listener("ledger").pattern;
        same("the pattern", &*stored, pattern);
    }
}

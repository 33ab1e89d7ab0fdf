//! The progress of listeners.

use soiree_core::store::{
    Batch, ListenerState, Marks, Millis, ParkedState, StartFrom, Store, StoreError,
};

use crate::support::{
    Folder, append_numbers, at, claim, claim_from, event, mark, parked, positions, read_all,
    stored_positions, try_mark,
};

/// D4: progress is read as it was marked, by the next claim.
#[test]
fn progress_survives_a_claim() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=9);
    let (term, progress) = claim(&store, "a");
    assert_eq!(
        (term.number, progress.floor, progress.begun),
        (1, at(0), at(0))
    );
    assert!(progress.clean && progress.is_new && progress.done.is_empty());
    mark(&store, &term, |marks| {
        marks.floor = Some(at(2));
        marks.begun = Some(at(7));
        marks.ended = positions([1, 2, 5, 7]);
        marks.parked = vec![parked(2, ParkedState::Retry), parked(8, ParkedState::Dead)];
    });

    let (term, progress) = claim(&store, "a");

    assert_eq!(term.number, 2);
    assert_eq!((progress.floor, progress.begun), (at(2), at(7)));
    assert_eq!(progress.done, positions([5, 7]));
    assert!(!progress.clean && !progress.is_new);
    mark(&store, &term, |marks| marks.clean = Some(true));
    assert!(claim(&store, "a").1.clean);
    assert!(!claim(&store, "a").1.clean);
}

/// D4: the floor and what was started never move back, and marks below the floor are folded away.
#[test]
fn a_floor_only_rises() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=9);
    let (term, _) = claim(&store, "a");
    mark(&store, &term, |marks| {
        marks.floor = Some(at(3));
        marks.begun = Some(at(6));
        marks.ended = positions([5, 6]);
    });
    mark(&store, &term, |marks| {
        marks.floor = Some(at(1));
        marks.begun = Some(at(2));
    });
    mark(&store, &term, |marks| marks.floor = Some(at(5)));
    let (_, progress) = claim(&store, "a");
    assert_eq!((progress.floor, progress.begun), (at(5), at(6)));
    assert_eq!(progress.done, positions([6]));
    let listener = &store.listeners().unwrap()[0];
    assert_eq!(
        (listener.done, listener.floor, listener.term),
        (1, at(5), 2)
    );
}

/// D4: an overtaken claim can mark nothing, and nothing of its batch is stored.
#[test]
fn an_overtaken_claim_marks_nothing() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=3);
    let (old, _) = claim(&store, "a");
    let (other, _) = claim(&store, "b");
    let (new, _) = claim(&store, "a");
    let mut stale = Marks::new(old.clone());
    stale.floor = Some(at(3));
    let mut fine = Marks::new(other);
    fine.floor = Some(at(3));
    let events = [event(4)];
    let batch = Batch {
        appends: &events,
        marks: &[fine, stale],
    };

    let error = store.commit(&batch).unwrap_err();

    assert!(matches!(&error, StoreError::Fenced { listener, .. } if listener == "a"));
    assert_eq!(read_all(&store).len(), 3);
    let floors: Vec<_> = store.listeners().unwrap();
    assert!(floors.iter().all(|listener| listener.floor == at(0)));
    assert!(!store.renew(&old).unwrap());
    assert!(store.renew(&new).unwrap());
    store.release(&old).unwrap();
    assert!(store.renew(&new).unwrap());
    let unknown = try_mark(
        &store,
        Marks::new(soiree_core::store::Term {
            listener: "nobody".into(),
            number: 1,
        }),
    );
    assert!(matches!(unknown, Err(StoreError::Fenced { .. })));
}

/// D3: a batch may mark what it appends.
#[test]
fn marks_may_name_what_the_batch_appends() {
    let folder = Folder::new();
    let store = folder.open();
    let (term, _) = claim(&store, "a");
    let mut marks = Marks::new(term);
    marks.floor = Some(at(1));
    marks.parked = vec![parked(1, ParkedState::Running)];
    let events = [event(1)];
    let batch = Batch {
        appends: &events,
        marks: &[marks],
    };
    store.commit(&batch).unwrap();
    let page = store.parked("a", None, at(0), 9).unwrap();
    assert_eq!(page, [parked(1, ParkedState::Running)]);
}

/// D8: parked events are read in pages, by state.
#[test]
fn parked_events_are_read_in_pages() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=10);
    let (term, _) = claim(&store, "a");
    let states = ParkedState::ALL;
    let all: Vec<_> = (1..=10)
        .map(|number| parked(number, states[number as usize % 5]))
        .collect();
    mark(&store, &term, |marks| marks.parked = all.clone());
    assert_eq!(store.parked("a", None, at(0), 99).unwrap(), all);
    assert_eq!(store.parked("a", None, at(3), 2).unwrap(), all[3..5]);
    let dead = store
        .parked("a", Some(ParkedState::Dead), at(0), 99)
        .unwrap();
    assert_eq!(dead, [all[3].clone(), all[8].clone()]);
    let dead = store
        .parked("a", Some(ParkedState::Dead), at(4), 99)
        .unwrap();
    assert_eq!(dead, [all[8].clone()]);
    assert_eq!(store.parked("nobody", None, at(0), 9).unwrap(), []);
    let listener = &store.listeners().unwrap()[0];
    assert_eq!((listener.parked, listener.dead), (8, 2));
}

/// D8: only dead events are redriven or discarded.
#[test]
fn dead_events_are_redriven_or_discarded() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=6);
    let (term, _) = claim(&store, "a");
    mark(&store, &term, |marks| {
        marks.floor = Some(at(4));
        let dead = [2, 4, 6].map(|number| parked(number, ParkedState::Dead));
        marks.parked = dead.to_vec();
        marks.parked.push(parked(3, ParkedState::Retry));
    });
    let some = positions([6, 2, 3, 2, 5]);

    let redriven = store.redrive("a", &some[1..], Millis(500)).unwrap();
    let discarded = store.discard("a", &some).unwrap();

    assert_eq!(redriven, positions([2]));
    assert_eq!(discarded, positions([6]));
    let page = store.parked("a", None, at(0), 9).unwrap();
    let mut again = parked(2, ParkedState::Retry);
    (again.attempts, again.crashes, again.due) = (0, 0, Millis(500));
    let rest = [
        again,
        parked(3, ParkedState::Retry),
        parked(4, ParkedState::Dead),
    ];
    assert_eq!(page, rest);
    assert_eq!(claim(&store, "a").1.done, positions([6]));
    assert_eq!(store.redrive("nobody", &some, Millis(0)).unwrap(), []);
    assert_eq!(store.discard("nobody", &some).unwrap(), []);
}

/// D19: an event is waiting, ended or parked for each listener.
#[test]
fn an_event_has_one_state_for_each_listener() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=5);
    let (a, _) = claim(&store, "a");
    claim_from(&store, "b", StartFrom::Now);
    mark(&store, &a, |marks| {
        marks.floor = Some(at(2));
        marks.ended = positions([4]);
        marks.parked = vec![parked(2, ParkedState::Retry)];
    });
    let states = |number| {
        let states = store.states(at(number)).unwrap();
        let [(a, of_a), (b, of_b)] = <[_; 2]>::try_from(states).unwrap();
        assert_eq!((&*a, &*b), ("a", "b"));
        (of_a, of_b)
    };
    use ListenerState::{Ended, Waiting};
    assert_eq!(states(1), (Ended, Ended));
    let is_parked = ListenerState::Parked(parked(2, ParkedState::Retry));
    assert_eq!(states(2), (is_parked, Ended));
    assert_eq!(states(3), (Waiting, Ended));
    assert_eq!(states(4), (Ended, Ended));
    assert_eq!(states(6), (Waiting, Waiting));
}

/// D15: what is ended and old goes; what is parked, waits or is young stays.
#[test]
fn a_sweep_removes_what_has_ended() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=10);
    let (a, _) = claim(&store, "a");
    let (b, _) = claim(&store, "b");
    mark(&store, &a, |marks| {
        marks.floor = Some(at(8));
        marks.parked = vec![parked(2, ParkedState::Dead)];
    });
    mark(&store, &b, |marks| {
        marks.floor = Some(at(4));
        marks.ended = positions([6, 7]);
    });
    // Events 1 to 6 are old enough.
    let before = Millis(1_007);
    assert_eq!(store.sweep(at(3), before, 99).unwrap(), 2);
    assert_eq!(
        stored_positions(&store),
        positions([2, 4, 5, 6, 7, 8, 9, 10])
    );
    assert_eq!(store.sweep(at(10), before, 1).unwrap(), 1);
    assert_eq!(store.sweep(at(10), before, 99).unwrap(), 1);
    assert_eq!(stored_positions(&store), positions([2, 5, 7, 8, 9, 10]));
    assert_eq!(store.sweep(at(10), before, 99).unwrap(), 0);
    store.discard("a", &positions([2])).unwrap();
    assert_eq!(store.sweep(at(10), before, 99).unwrap(), 1);
    assert_eq!(stored_positions(&store), positions([5, 7, 8, 9, 10]));
}

/// D15: without listeners everything that is old goes, and its positions and IDs are not confused with later ones.
#[test]
fn a_position_is_never_given_twice() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=1_000);
    assert_eq!(
        store.sweep(at(u64::MAX), Millis(i64::MAX), 5_000).unwrap(),
        1_000
    );
    assert_eq!(read_all(&store), []);
    let (_, progress) = claim_from(&store, "a", StartFrom::Now);
    assert_eq!(progress.floor, at(1_000));
    drop(store);
    let store = folder.open();
    append_numbers(&store, [1]);
    assert_eq!(stored_positions(&store), positions([1_001]));
}

/// D15: an event from the future, of a clock that was set, does not keep those behind it for ever.
#[test]
fn young_events_do_not_keep_old_ones() {
    let folder = Folder::new();
    let store = folder.open();
    let mut events: Vec<_> = (1..=2_000).map(event).collect();
    for event in &mut events[..1_000] {
        event.emitted_at = Millis(i64::MAX - 1);
    }
    crate::support::append(&store, &events);
    let mut removed = 0;
    for _ in 0..20 {
        removed += store.sweep(at(2_000), Millis(10_000), 300).unwrap();
    }
    assert_eq!(removed, 1_000);
    assert_eq!(stored_positions(&store), positions(1..=1_000));
}

/// D15: the next sweep removes what was discarded, and what a removed listener had parked, wherever earlier ones have got to.
#[test]
fn a_sweep_finds_what_is_parked_no_longer() {
    let folder = Folder::new();
    let store = folder.open();
    append_numbers(&store, 1..=600);
    let (a, _) = claim(&store, "a");
    mark(&store, &a, |marks| {
        marks.floor = Some(at(600));
        marks.parked = (1..=600)
            .map(|position| parked(position, ParkedState::Dead))
            .collect();
    });
    let sweep = || store.sweep(at(600), Millis(i64::MAX), 1_000).unwrap();
    assert_eq!(sweep(), 0);
    store.discard("a", &positions([2, 3])).unwrap();
    assert_eq!(sweep(), 2);
    store.discard("a", &positions([4])).unwrap();
    assert_eq!(sweep(), 1);
    // Those that another process has discarded, before and behind where this one goes on, as well.
    let other = folder.open();
    other.discard("a", &positions([1, 600])).unwrap();
    assert_eq!(sweep(), 2);
    store.release(&a).unwrap();
    assert!(store.remove_listener("a").unwrap());
    assert_eq!(sweep(), 595);
}

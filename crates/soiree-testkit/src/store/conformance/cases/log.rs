//! What is committed stays, all of it or nothing.

use soiree_core::Properties;
use soiree_core::store::{
    Batch, ListenerState, Marks, Millis, NewRecord, ParkedState, Position, StoreError,
};

use super::super::content::StoreContent;
use super::super::tested::{
    ALL, Tested, check, event, events, expect, expect_fenced, fail, parked, same,
};

pub(crate) fn d1_a_new_store_is_empty(content: &StoreContent) {
    let store = content.store();
    same("the last position", store.opened.last, Position::START);
    check(
        store.opened.listeners.is_empty(),
        "a new store knows listeners",
    );
    same("events", store.positions(), Vec::new());
    same("the number of events", store.count(), 0);
    same("find", store.find(1), None);
    same("listeners", store.listeners(), Vec::new());
    let none = expect("states", store.raw().states(Position(1)));
    same("states", none, Vec::new());
}

pub(crate) fn d1_positions_ascend_from_batch_to_batch(content: &StoreContent) {
    let store = content.store();
    let mut positions = vec![Position::START];
    positions.extend(store.put(1..=3));
    positions.extend(store.put(4..=4));
    positions.extend(store.put(5..=6));
    let ascend = positions.is_sorted_by(|one, next| one < next);
    check(ascend, &format!("positions do not ascend: {positions:?}"));
    same("events in the store", store.positions(), {
        positions.remove(0);
        positions
    });
}

/// Events with whatever a field may hold.
fn peculiar() -> Vec<NewRecord> {
    let properties = Properties::new()
        .set("text", "a \"quoted\"\nline ✓")
        .set("int", i64::MIN)
        .set("big", i64::MAX)
        .set("float", 0.1)
        .set("negative", -0.0)
        .set("flag", true)
        .set("", "");
    let all_bytes = (0..=u8::MAX).cycle().take(70_000).collect();
    let full = NewRecord {
        id: u128::MAX.into(),
        topic: "über.größe".into(),
        codec: "json;v=2".into(),
        payload: all_bytes,
        properties,
        emitted_at: Millis(-5),
    };
    let empty = NewRecord {
        id: 0.into(),
        payload: Vec::new(),
        emitted_at: Millis(i64::MAX),
        ..event(1)
    };
    vec![full, empty, event(2)]
}

fn assert_peculiar(store: &Tested) {
    let records = store.read(Position::START, ALL);
    check(
        records.iter().all(|record| record.damage.is_none()),
        "an event is reported as damaged",
    );
    let found: Vec<NewRecord> = records.into_iter().map(|record| record.event).collect();
    same("events", found, peculiar());
}

pub(crate) fn d1_an_event_comes_back_as_it_was(content: &StoreContent) {
    let store = content.store();
    store.append(&peculiar());
    assert_peculiar(&store);
    let records = store.read(Position::START, ALL);
    same("fetch", store.fetch(&store.positions()), records.clone());
    for record in records {
        let found = expect("find", store.raw().find(record.event.id));
        same("find", found, Some(record));
    }
}

pub(crate) fn d1_what_was_committed_survives_the_end_of_the_process(content: &StoreContent) {
    let store = content.store();
    store.append(&peculiar());
    let positions = store.positions();
    store.end();
    let store = content.store();
    assert_peculiar(&store);
    same("positions", store.positions(), positions);
}

/// Appends events and sweeps all of them. Returns the last position.
fn sweep_everything(store: &Tested) -> Position {
    let positions = store.put(1..=3);
    same("events that were swept", store.sweep_all(), 3);
    positions[2]
}

pub(crate) fn d1_no_position_is_given_twice(content: &StoreContent) {
    let store = content.store();
    let last = sweep_everything(&store);
    let next = store.put(4..=4)[0];
    check(
        next > last,
        &format!("position {next} was given again, after {last} was swept"),
    );
}

pub(crate) fn d1_no_position_is_given_twice_after_a_restart(content: &StoreContent) {
    let store = content.store();
    let last = sweep_everything(&store);
    store.end();
    let next = content.store().put(4..=4)[0];
    check(
        next > last,
        &format!("position {next} was given again, after {last} was swept"),
    );
}

pub(crate) fn d1_a_store_keeps_its_id_and_its_last_position(content: &StoreContent) {
    let store = content.store();
    let id = store.opened.id;
    let last = sweep_everything(&store);
    store.end();
    let store = content.store();
    same("the ID of the store", store.opened.id, id);
    same("the last position that was given", store.opened.last, last);
}

pub(crate) fn d1_each_process_sees_what_others_have_committed(content: &StoreContent) {
    let (one, other) = (content.store(), content.store());
    let first = one.put(1..=2);
    let second = other.put(3..=3);
    let all = [first, second].concat();
    for store in [one, other] {
        same("events", store.positions(), all.clone());
    }
}

/// A batch that appends an event and makes these marks.
fn commit_both(store: &Tested, id: u32, marks: &[Marks]) -> Result<(), StoreError> {
    let batch = Batch {
        appends: &[event(id)],
        marks,
    };
    store.raw().commit(&batch).map(drop)
}

pub(crate) fn d2_a_rejected_batch_stores_no_event(content: &StoreContent) {
    let store = content.store();
    let (old, _) = store.claim("ledger");
    store.release(&old);
    store.claim("ledger");
    let rejected = commit_both(&store, 1, &[Marks::new(old.clone())]);
    expect_fenced(rejected);
    same("events", store.positions(), Vec::new());
    same("find", store.find(1), None);
    // Nothing that the batch has left behind is in the way of the same event.
    store.put(1..=1);
}

pub(crate) fn d2_a_rejected_batch_makes_no_marks(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=2);
    let (mail, _) = store.claim("mail");
    let (old, _) = store.claim("ledger");
    store.release(&old);
    store.claim("ledger");
    let marks = [
        Marks {
            floor: Some(positions[0]),
            ended: vec![positions[1]],
            ..Marks::new(mail)
        },
        Marks::new(old),
    ];
    expect_fenced(commit_both(&store, 3, &marks));
    for position in positions {
        let state = store.state("mail", position);
        same("the state of an event", state, ListenerState::Waiting);
    }
}

pub(crate) fn d2_a_batch_may_mark_what_it_appends(content: &StoreContent) {
    let store = content.store();
    let (term, _) = store.claim("ledger");
    let first = store.put(1..=1)[0];
    let next = first.next();
    let marks = Marks {
        floor: Some(first),
        parked: vec![parked(next, ParkedState::Retry)],
        ..Marks::new(term)
    };
    expect("commit", commit_both(&store, 2, &[marks]));
    let parked = store.parked("ledger");
    same("parked events", parked.len(), 1);
    same("events", store.positions(), vec![first, next]);
}

pub(crate) fn d12_a_full_store_loses_nothing_and_takes_marks(content: &StoreContent) {
    let store = content.store_with_little_room();
    let (term, _) = store.claim("ledger");
    let large = |id| NewRecord {
        payload: vec![7; 1_000],
        ..event(id)
    };
    let mut stored = 0_u32;
    let full = loop {
        let pair = [large(2 * stored + 1), large(2 * stored + 2)];
        let batch = Batch {
            appends: &pair,
            marks: &[],
        };
        match store.raw().commit(&batch) {
            Ok(_) if stored < 5_000 => stored += 1,
            Ok(_) => fail("it takes more than 10,000 events of 1,000 bytes"),
            Err(error) => break error,
        }
    };
    let is_full = matches!(full, StoreError::Full { .. });
    check(is_full, &format!("{full:?} instead of StoreError::Full"));
    let positions = store.positions();
    same("events", positions.len() as u32, 2 * stored);
    let last = positions.last().copied().unwrap_or_default();
    store.floor(&term, last);
    same("the floor", store.listener("ledger").floor, last);
    same(
        "events that were swept",
        store.sweep_all(),
        u64::from(2 * stored),
    );
    store.append(&[large(0)]);
}

pub(crate) fn d17_a_damaged_event_is_named_and_the_others_are_read(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    store.end();
    content.damage_at(positions[1]);
    let store = content.store();
    let read = store.read(Position::START, ALL);
    let fetched = store.fetch(&positions);
    for records in [read, fetched] {
        let found: Vec<Position> = records.iter().map(|record| record.position).collect();
        same("events", found, positions.clone());
        for (record, event) in records.into_iter().zip(events(1..=3)) {
            let is_damaged = record.position == positions[1];
            let what = format!("whether the event at {} is damaged", record.position);
            same(&what, record.damage.is_some(), is_damaged);
            if !is_damaged {
                same("an event that is not damaged", record.event, event);
            }
        }
    }
}

pub(crate) fn d18_a_close_loses_nothing(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let (term, _) = store.claim("ledger");
    store.floor(&term, positions[0]);
    store.park(&term, parked(positions[1], ParkedState::Retry));
    store.release(&term);
    expect("close", store.raw().close());
    store.end();
    let store = content.store();
    same("events", store.positions(), positions.clone());
    same("the floor", store.progress("ledger").floor, positions[0]);
    let state = store.state("ledger", positions[2]);
    same("the state of an event", state, ListenerState::Waiting);
    same("parked events", store.parked("ledger").len(), 1);
}

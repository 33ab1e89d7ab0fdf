//! An event is known by its ID.

use soiree_core::Properties;
use soiree_core::store::{Appended, Millis, NewRecord};

use super::super::content::StoreContent;
use super::super::tested::{check, event, same};

pub(crate) fn d6_the_same_event_is_stored_once(content: &StoreContent) {
    let store = content.store();
    let position = store.put(1..=2)[0];
    let again = store.append(&[event(1)]);
    same(
        "the event again",
        again,
        vec![Appended::Duplicate(position)],
    );
    same("the number of events", store.count(), 2);
}

pub(crate) fn d6_the_same_event_is_stored_once_in_a_batch(content: &StoreContent) {
    let store = content.store();
    let other = NewRecord {
        payload: b"other".to_vec(),
        ..event(1)
    };
    let appended = store.append(&[event(1), event(2), event(1), other]);
    let first = appended[0].position();
    let expected = vec![
        Appended::New(first),
        Appended::New(appended[1].position()),
        Appended::Duplicate(first),
        Appended::Conflict(first),
    ];
    same("a batch with an event twice", appended, expected);
    same("the number of events", store.count(), 2);
}

pub(crate) fn d6_the_same_event_is_stored_once_after_a_restart(content: &StoreContent) {
    let store = content.store();
    let position = store.put(1..=1)[0];
    store.end();
    let again = content.store().append(&[event(1)]);
    same(
        "the event again",
        again,
        vec![Appended::Duplicate(position)],
    );
}

pub(crate) fn d6_other_content_with_the_same_id_is_a_conflict(content: &StoreContent) {
    let store = content.store();
    let position = store.put(1..=1)[0];
    let topic = NewRecord {
        topic: "order.sent".into(),
        ..event(1)
    };
    let codec = NewRecord {
        codec: "json".into(),
        ..event(1)
    };
    let payload = NewRecord {
        payload: b"payload 2".to_vec(),
        ..event(1)
    };
    for (what, other) in [
        ("another topic", topic),
        ("another codec", codec),
        ("another payload", payload),
    ] {
        let conflict = store.append(&[other]);
        same(what, conflict, vec![Appended::Conflict(position)]);
    }
    let stored = store.find(1).map(|record| record.event);
    same("the event that is stored", stored, Some(event(1)));
}

pub(crate) fn d6_other_properties_make_no_other_event(content: &StoreContent) {
    let store = content.store();
    let position = store.put(1..=1)[0];
    let other = NewRecord {
        properties: Properties::new().set("attempt", 2),
        emitted_at: Millis(2_000),
        ..event(1)
    };
    let again = store.append(&[other]);
    same(
        "the event again",
        again,
        vec![Appended::Duplicate(position)],
    );
    let stored = store.find(1).map(|record| record.event);
    same("the event that is stored", stored, Some(event(1)));
}

pub(crate) fn d6_the_same_content_with_another_id_is_another_event(content: &StoreContent) {
    let store = content.store();
    store.put(1..=1);
    let twin = NewRecord {
        id: 2.into(),
        ..event(1)
    };
    let appended = store.append(&[twin]);
    let is_new = matches!(appended[0], Appended::New(_));
    check(is_new, &format!("{appended:?} for an event with a new ID"));
    same("the number of events", store.count(), 2);
}

pub(crate) fn d6_an_event_that_was_swept_may_come_again(content: &StoreContent) {
    let store = content.store();
    let position = store.put(1..=1)[0];
    store.sweep_all();
    let again = store.append(&[event(1)]);
    let is_new = matches!(again[0], Appended::New(new) if new > position);
    check(
        is_new,
        &format!("{again:?} for the event that was swept at {position}"),
    );
    let found = store.find(1).map(|record| record.position);
    same("find", found, Some(again[0].position()));
}

//! Events are read in order, without gaps, and no more than asked for.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use soiree_core::store::{Batch, Limit, Position};

use super::super::content::StoreContent;
use super::super::tested::{ALL, LATER, Tested, check, event, expect, same};

pub(crate) fn d3_read_starts_after_the_position(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    for (index, after) in positions.iter().enumerate() {
        let read = store.read(*after, ALL);
        let read: Vec<Position> = read.iter().map(|record| record.position).collect();
        let what = format!("events after {after}");
        same(&what, read, positions[index + 1..].to_vec());
    }
}

pub(crate) fn d3_read_shows_no_gap_while_others_append(content: &StoreContent) {
    const BATCHES: u32 = 100;
    let store = content.store();
    let writer = thread::spawn({
        let store = Arc::clone(store.raw());
        move || {
            for batch in 0..BATCHES {
                let pair = [event(2 * batch + 1), event(2 * batch + 2)];
                let batch = Batch {
                    appends: &pair,
                    marks: &[],
                };
                expect("commit", store.commit(&batch));
            }
        }
    });
    let limit = Limit {
        records: 3,
        bytes: usize::MAX,
    };
    let (mut seen, mut last) = (Vec::new(), Position::START);
    loop {
        // In this order: what is read after the writer has ended is all there is.
        let has_ended = writer.is_finished();
        let records = store.read(last, limit);
        seen.extend(records.iter().map(|record| record.position));
        match seen.last() {
            Some(position) if *position > last => last = *position,
            _ if has_ended => break,
            _ => thread::yield_now(),
        }
    }
    if let Err(failure) = writer.join() {
        resume_unwind(failure);
    }
    let all = store.positions();
    same("events in the store", all.len(), 2 * BATCHES as usize);
    same("events that were read meanwhile", seen, all);
}

fn count(store: &Tested, records: usize, bytes: usize) -> usize {
    store.read(Position::START, Limit { records, bytes }).len()
}

pub(crate) fn read_returns_no_more_records_than_the_limit(content: &StoreContent) {
    let store = content.store();
    store.put(1..=4);
    for (limit, expected) in [(1, 1), (3, 3), (4, 4), (9, 4)] {
        let what = format!("events at a limit of {limit}");
        same(&what, count(&store, limit, usize::MAX), expected);
    }
}

pub(crate) fn read_returns_no_more_bytes_than_the_limit(content: &StoreContent) {
    let store = content.store();
    store.put(1..=4); // The payloads have 9 bytes each.
    for (limit, expected) in [(9, 1), (17, 1), (18, 2), (30, 3), (36, 4)] {
        let what = format!("events of 9 bytes at a limit of {limit} bytes");
        same(&what, count(&store, usize::MAX, limit), expected);
    }
}

pub(crate) fn read_returns_at_least_one_record(content: &StoreContent) {
    let store = content.store();
    store.put(1..=2);
    same("events at a limit of 1 byte", count(&store, 5, 1), 1);
}

pub(crate) fn read_keeps_what_is_in_the_vector(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let limit = Limit {
        records: 2,
        bytes: 18,
    };
    let mut records = Vec::new();
    for after in [Position::START, positions[1]] {
        expect("read", store.raw().read(after, limit, &mut records));
    }
    expect("fetch", store.raw().fetch(&positions[..1], &mut records));
    let found: Vec<Position> = records.iter().map(|record| record.position).collect();
    let expected = vec![positions[0], positions[1], positions[2], positions[0]];
    same("events in the vector", found, expected);
}

pub(crate) fn fetch_leaves_out_what_is_missing(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    let swept = store.sweep_fully(positions[0], LATER);
    same("events that were swept", swept, 1);
    let mut at = positions.clone();
    at.push(positions[3].next());
    let fetched = store.fetch(&at);
    let fetched: Vec<Position> = fetched.iter().map(|record| record.position).collect();
    same("events", fetched, positions[1..].to_vec());
    same("events at no position", store.fetch(&[]).len(), 0);
}

pub(crate) fn fetch_returns_events_in_ascending_order(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=4);
    let fetched = store.fetch(&[positions[3], positions[0], positions[2]]);
    let fetched: Vec<Position> = fetched.iter().map(|record| record.position).collect();
    let expected = vec![positions[0], positions[2], positions[3]];
    same("events", fetched, expected);
}

pub(crate) fn find_returns_the_event_of_the_id(content: &StoreContent) {
    let store = content.store();
    let positions = store.put(1..=3);
    let found = store.find(2);
    let found = found.map(|record| (record.position, record.event));
    same("the event", found, Some((positions[1], event(2))));
    same("an event that is not there", store.find(4), None);
}

pub(crate) fn changed_shows_what_another_process_has_committed(content: &StoreContent) {
    let (store, other) = (content.store(), content.store());
    let changed = || expect("changed", store.raw().changed());
    changed();
    check(
        !changed(),
        "it shows a change although no process has changed anything",
    );
    other.put(1..=1);
    check(
        changed(),
        "it shows no change although another process has committed",
    );
    check(!changed(), "it shows the same change twice");
}

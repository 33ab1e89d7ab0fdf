//! Inboxes for which emissions wait.

use std::sync::mpsc::channel;
use std::thread;

use soiree::{EventPool, InboxOptions, WhenFull};

use crate::support::{TIME_LIMIT, number, wait_until};

fn blocking(soiree: &EventPool, capacity: usize) -> soiree::Inbox {
    let options = InboxOptions::new(capacity).when_full(WhenFull::Block);
    soiree.inbox("a", options).unwrap()
}

/// A4: nothing is missed, and the emission waits.
#[test]
fn an_emission_waits_for_room() {
    let soiree = EventPool::new();
    let inbox = blocking(&soiree, 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            (1..=100_i64).for_each(|number| drop(soiree.emit_sync("a", number).unwrap()));
        });
        wait_until("an emission waits", || inbox.info().blocked == 1);
        assert_eq!(inbox.len(), 1);
        let received: Vec<i64> = (0..100).map(|_| number(inbox.recv().unwrap())).collect();
        assert_eq!(received, (1..=100).collect::<Vec<_>>());
    });
    assert_eq!(inbox.info().missed, 0);
}

/// A4: dropping an inbox unsubscribes it, lets the emissions go on, and leaves no listener behind.
#[test]
fn dropping_an_inbox_unblocks_what_waits_for_it() {
    let soiree = EventPool::new();
    let inbox = blocking(&soiree, 1);
    let emissions: Vec<_> = (1..=3_i64)
        .map(|number| soiree.emit("a", number).unwrap())
        .collect();
    wait_until("an emission waits", || inbox.info().blocked > 0);
    drop(inbox);
    for emission in emissions {
        let report = emission.wait_timeout(TIME_LIMIT).expect("it ends");
        assert!(report.is_ok());
    }
    assert_eq!(soiree.len(), 0);
    assert_eq!(soiree.emit_sync("a", 4_i64).unwrap().delivered(), 0);
    soiree.close().unwrap();
}

/// A4, E4: a close waits for the reader.
#[test]
fn a_close_waits_until_the_reader_has_made_room() {
    let soiree = EventPool::new();
    let inbox = blocking(&soiree, 1);
    (1..=3_i64).for_each(|number| drop(soiree.emit("a", number).unwrap()));
    let (sender, closed) = channel();
    let closes = soiree.clone();
    let close = thread::spawn(move || sender.send(closes.close()).unwrap());
    let mut received: Vec<i64> = (0..3).map(|_| number(inbox.recv().unwrap())).collect();
    closed.recv_timeout(TIME_LIMIT).expect("it ends").unwrap();
    close.join().unwrap();
    received.sort_unstable();
    assert_eq!(received, [1, 2, 3]);
    assert!(inbox.recv().is_err());
}

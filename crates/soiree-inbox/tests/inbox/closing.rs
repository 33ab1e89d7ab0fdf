//! What is left behind.

use std::sync::Arc;

use soiree::{EventPool, InboxOptions, Received, WhenFull};

/// A4: an inbox does not keep its `EventPool` alive, and ends with it.
#[test]
fn an_inbox_ends_with_the_last_handle_of_its_event_pool() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(4)).unwrap();
    let weak = soiree.downgrade();
    soiree.emit_sync("a", 1_i64).unwrap();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    assert!(inbox.recv().is_ok());
    assert!(inbox.recv().is_err());
}

/// A4, F2: payloads are dropped when they are missed, taken, or left in an inbox that is dropped.
#[test]
fn no_payload_outlives_its_place() {
    let soiree = EventPool::new();
    let payload = Arc::new(());
    let emit = || drop(soiree.emit_sync("a", Arc::clone(&payload)).unwrap());
    for when_full in [WhenFull::DropOldest, WhenFull::DropNewest] {
        let inbox = soiree
            .inbox("a", InboxOptions::new(2).when_full(when_full))
            .unwrap();
        (0..5).for_each(|_| emit());
        assert_eq!(Arc::strong_count(&payload), 3, "{when_full:?}");
        while let Ok(received) = inbox.try_recv() {
            drop::<Received>(received);
        }
        assert_eq!(Arc::strong_count(&payload), 1);
        (0..5).for_each(|_| emit());
        drop(inbox);
        assert_eq!(Arc::strong_count(&payload), 1);
    }
    assert_eq!(soiree.len(), 0);
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("the payload's Drop");
    }
}

/// E8: a payload whose `Drop` panics harms neither the emission nor the inbox.
#[test]
fn a_payload_that_panics_on_drop_harms_nobody() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(1)).unwrap();
    for _ in 0..3 {
        let report = soiree.emit_sync("a", PanicOnDrop).unwrap();
        assert_eq!((report.delivered(), report.is_ok()), (1, true));
    }
    assert_eq!(inbox.info().missed, 2);
    drop(inbox);
    soiree.close().unwrap();
}

/// A4: in a group, an inbox is one of the listeners that are removed together.
#[test]
fn a_group_that_is_dropped_ends_its_inboxes() {
    let soiree = EventPool::new();
    let group = soiree.group();
    let inbox = soiree::Inbox::subscribe(&group, "a", InboxOptions::new(4)).unwrap();
    soiree.emit_sync("a", 1_i64).unwrap();
    drop(group);
    assert!(inbox.recv().is_ok());
    assert!(inbox.recv().is_err());
}

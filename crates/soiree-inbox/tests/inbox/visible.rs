//! Inboxes as others see them.

use soiree::{EventPool, InboxOptions, WhenFull};

/// A4: how full an inbox is can be seen, and that nobody reads it.
#[test]
fn the_graph_shows_how_full_an_inbox_is() {
    let soiree = EventPool::new();
    let options = InboxOptions::new(3).when_full(WhenFull::DropNewest);
    let inbox = soiree.inbox("a", options).unwrap();
    let shown = || soiree.graph().to_string();
    assert!(shown().contains("inbox holds 0 of 3"), "{}", shown());
    (0..5).for_each(|number| drop(soiree.emit_sync("a", number).unwrap()));
    assert!(
        shown().contains("inbox holds 3 of 3, never read, missed 2"),
        "{}",
        shown()
    );
    let info = soiree.listeners_for("a").unwrap()[0].inbox.unwrap();
    assert_eq!((info.capacity, info.waiting, info.received), (3, 3, 0));
    inbox.recv().unwrap();
    assert!(
        shown().contains("inbox holds 2 of 3, missed 2"),
        "{}",
        shown()
    );
    drop(inbox);
    assert!(!shown().contains("inbox"));
}

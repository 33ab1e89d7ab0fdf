//! Gauges of inboxes.

use soiree::metrics::Metrics;
use soiree::{EventPool, InboxOptions, ListenerOptions, WhenFull};

use crate::text::Text;

const GAUGES: [&str; 6] = [
    "soiree_inboxes",
    "soiree_inbox_capacity",
    "soiree_inbox_events",
    "soiree_inbox_blocked",
    "soiree_inbox_received",
    "soiree_inbox_missed",
];

fn read(metrics: &Metrics, listener: &str, pattern: &str) -> Option<[u64; 6]> {
    let text = Text::of(metrics);
    let labels = [("listener", listener), ("pattern", pattern)];
    text.find(GAUGES[0], &labels)?;
    Some(GAUGES.map(|gauge| text.value(gauge, &labels)))
}

/// A4: an inbox is seen in the metrics, how full it is, what it has missed, and that nobody reads it.
#[test]
fn inboxes_are_added_up_by_name_and_pattern() {
    let metrics = Metrics::new();
    let soiree = EventPool::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    assert_eq!(read(&metrics, "unnamed", "order.*"), None);
    let inbox = |capacity, name: &str| {
        let named = ListenerOptions::new().name(name);
        let options = InboxOptions::new(capacity).when_full(WhenFull::DropNewest);
        soiree.inbox("order.*", options.listener(named)).unwrap()
    };
    let first = inbox(2, "stream");
    let second = inbox(8, "stream");
    let other = inbox(1, "audit");
    soiree.on("order.*", |_| {}).unwrap();
    for number in 0..5_u64 {
        soiree.emit_sync("order.paid", number).unwrap();
    }
    let streams = |metrics| read(metrics, "stream", "order.*");
    assert_eq!(streams(&metrics), Some([2, 10, 7, 0, 0, 3]));
    assert_eq!(read(&metrics, "audit", "order.*"), Some([1, 1, 1, 0, 0, 4]));
    assert_eq!(read(&metrics, "unnamed", "order.*"), None);
    second.recv().unwrap();
    assert_eq!(streams(&metrics), Some([2, 10, 6, 0, 1, 3]));
    drop(second);
    assert_eq!(streams(&metrics), Some([1, 2, 2, 0, 0, 3]));
    drop((first, other));
    assert_eq!(streams(&metrics), None);
    soiree.close().unwrap();
}

/// A4: an emission that waits for room is seen.
#[test]
fn an_emission_that_waits_for_an_inbox_is_seen() {
    let metrics = Metrics::new();
    let soiree = EventPool::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let options = InboxOptions::new(1).when_full(WhenFull::Block);
    let inbox = soiree.inbox("a", options).unwrap();
    let emissions = [(); 2].map(|()| soiree.emit("a", ()).unwrap());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while read(&metrics, "unnamed", "a") != Some([1, 1, 1, 1, 0, 0]) {
        assert!(std::time::Instant::now() < deadline, "none waits");
        std::thread::yield_now();
    }
    inbox.recv().unwrap();
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!(read(&metrics, "unnamed", "a"), Some([1, 1, 1, 0, 1, 0]));
    soiree.close().unwrap();
}

/// A4: inboxes with labels that are made at run time make no more series than the limit.
#[test]
fn inboxes_beyond_the_limit_of_label_sets_share_one() {
    let metrics = Metrics::builder().max_label_sets(2).build().unwrap();
    let soiree = EventPool::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let inbox = |number| soiree.inbox(&format!("session.s{number}"), InboxOptions::new(1));
    let inboxes: Vec<_> = (0..5).map(|number| inbox(number).unwrap()).collect();
    let text = Text::of(&metrics);
    let series = text.as_str().lines();
    let series = series.filter(|line| line.starts_with("soiree_inboxes{"));
    assert_eq!(series.count(), 3);
    let others = [("listener", "_other"), ("pattern", "_other")];
    assert_eq!(text.value("soiree_inboxes", &others), 3);
    drop(inboxes);
    soiree.close().unwrap();
}

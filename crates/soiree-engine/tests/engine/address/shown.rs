//! Where listeners with an address are seen, and where they are rejected.

use std::sync::Arc;

use soiree::EventPool;
use soiree_core::{ListenerOptions, SubscribeError};
use soiree_engine::Soiree;
use soiree_pool::WorkerPool;
use soiree_testkit::Journal;

use super::{address, deliver};
use crate::support::{named, on_one_worker, wait_until};

/// D3, L3: `listeners_for` and `graph` show a listener with an address and its durable name; `has_listeners` does not count it.
#[test]
fn graph_and_listeners_for_show_listeners_with_an_address() {
    let soiree = on_one_worker(10);
    let options = named("shown").durable("ledger");
    let ledger = address(&soiree, options, |_| {});
    assert_eq!(soiree.has_listeners("paid.a"), Ok(false));
    assert_eq!(soiree.len(), 0);
    soiree.on("paid.*", |_| {}).unwrap();
    soiree.on("a", |_| {}).unwrap();
    let shown = |listeners: &[soiree_core::ListenerInfo]| -> Vec<Option<Arc<str>>> {
        listeners.iter().map(|one| one.durable.clone()).collect()
    };
    let expected = [None, Some(Arc::from("ledger"))];
    assert_eq!(shown(&soiree.listeners_for("paid.a").unwrap()), expected);
    assert!(soiree.listeners_for("sold.a").unwrap().is_empty());
    let graph = soiree.graph();
    let patterns: Vec<_> = graph
        .patterns
        .iter()
        .map(|info| info.pattern.as_str())
        .collect();
    assert_eq!(patterns, ["a", "paid.*"]);
    assert_eq!(shown(&graph.patterns[1].listeners), expected);
    drop(ledger);
    assert_eq!(soiree.listeners_for("paid.a").unwrap().len(), 1);
    soiree.close().unwrap();
}

/// D3: a plain event pool rejects a durable listener, which it would deliver nothing to after a restart. A name must be printable.
#[test]
fn an_event_pool_rejects_durable_listeners() {
    let soiree = on_one_worker(10);
    let options = ListenerOptions::new().durable("ledger");
    let error = soiree.on_with("paid.*", options, |_| {}).unwrap_err();
    let name = Arc::from("ledger");
    assert_eq!(error, SubscribeError::NotDurable { name });
    let text = error.to_string();
    assert!(text.contains("outbox") && text.contains("ledger"), "{text}");
    for name in ["", " ", "a\nb"] {
        let options = ListenerOptions::new().durable(name);
        let listener = Arc::new(|_: &dyn soiree_core::Event| ());
        let error = Soiree::address(&soiree, "paid.*", options, listener).unwrap_err();
        let name = name.into();
        assert_eq!(error, SubscribeError::InvalidName { name });
    }
    soiree.close().unwrap();
}

/// D3: observers see a delivery as an emission with one listener.
#[test]
fn observers_see_a_delivery_as_an_emission() {
    let journal = Journal::new();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .observer(journal.clone())
        .build()
        .unwrap();
    let ledger = address(&soiree, named("ledger"), |_| {});
    assert_eq!(deliver(&ledger, "paid.a").delivered(), 1);
    // A wait for an emission does not wait for the end of its job.
    wait_until("its job has ended", || soiree.pool_stats().successful == 1);
    drop(ledger);
    soiree.close().unwrap();
    journal.assert_lines([
        "subscription added: ledger to paid.*",
        "emission started: paid.a on default",
        "job offered to default",
        "job started on default",
        "listener started: ledger for paid.a, attempt 1",
        "listener ended: ledger for paid.a, attempt 1 succeeded",
        "emission ended: paid.a on default, 1 called, 0 failed, 0 not called, 0 retried",
        "job ended on default: completed",
        "subscription removed: ledger from paid.*, unsubscribed",
    ]);
}

/// D3: a second address with the same options is another listener.
#[test]
fn two_addresses_are_two_listeners() {
    let soiree = on_one_worker(10);
    let first = address(&soiree, named("one"), |_| {});
    let second = address(&soiree, named("one"), |_| Err::<(), _>("no"));
    assert_eq!(soiree.listeners_for("paid.a").unwrap().len(), 2);
    assert_eq!(deliver(&first, "paid.a").failed(), 0);
    assert_eq!(deliver(&second, "paid.a").failed(), 1);
    drop(first);
    assert_eq!(deliver(&second, "paid.a").failed(), 1);
    soiree.close().unwrap();
}

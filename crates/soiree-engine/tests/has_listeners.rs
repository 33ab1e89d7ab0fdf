//! `has_listeners` allocates nothing. In its own process, because it counts allocations.

use allocation_counter::measure;
use soiree::EventPool;
use soiree_core::ListenerOptions;

/// T3: whether the topic has listeners or not.
#[test]
fn has_listeners_allocates_nothing() {
    let soiree = EventPool::new();
    for pattern in ["user.created", "user.*", "**.paid", "a.*.*.d", "a.**.b.**"] {
        soiree.on(pattern, |_| {}).unwrap();
    }
    for _ in 0..100 {
        let once = ListenerOptions::new().once();
        soiree.on_with("many.*", once, |_| {}).unwrap();
    }
    let ask = |topic: &str| {
        // The first read of the subscriptions registers the thread, which allocates.
        let _ = soiree.has_listeners("warm.up");
        let mut found = Ok(false);
        let allocated = measure(|| found = soiree.has_listeners(topic));
        assert_eq!(allocated.count_total, 0, "{topic}");
        found.unwrap()
    };
    for topic in [
        "user.created",
        "user.x",
        "acme.ann.paid",
        "a.b.c.d",
        "many.x",
        "a.b.c.b.e",
    ] {
        assert!(ask(topic), "{topic}");
    }
    for topic in ["user", "user.a.b", "paid.x", "a.c.d.e.f.g", "many", "x"] {
        assert!(!ask(topic), "{topic}");
    }
    let counted = measure(|| drop(soiree.listeners_for("user.created")));
    assert!(counted.count_total > 0, "allocations are counted here");
    soiree.close().unwrap();
}

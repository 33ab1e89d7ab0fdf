//! That asking who listens costs no memory. In a process of its own, as it counts what is allocated.

use allocation_counter::measure;
use soiree::EventPool;
use soiree_core::ListenerOptions;

/// T3: to ask whether somebody listens allocates nothing, whether somebody does or not.
#[test]
fn asking_whether_somebody_listens_allocates_nothing() {
    let soiree = EventPool::new();
    for pattern in ["user.created", "user.*", "**.paid", "a.*.*.d", "a.**.b.**"] {
        soiree.on(pattern, |_| {}).unwrap();
    }
    for _ in 0..100 {
        let once = ListenerOptions::new().once();
        soiree.on_with("many.*", once, |_| {}).unwrap();
    }
    let ask = |topic: &str| {
        // The first time a thread reads the subscriptions it notes itself.
        let _ = soiree.has_listeners("warm.up");
        let mut said = Ok(false);
        let allocated = measure(|| said = soiree.has_listeners(topic));
        assert_eq!(allocated.count_total, 0, "{topic}");
        said.unwrap()
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

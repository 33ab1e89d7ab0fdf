//! Which pool runs an emission.

use std::sync::Arc;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;

use soiree::EventPool;

use crate::support::{TIME_LIMIT, worker_pool};

/// The name of the pool that ran an emission on this topic.
pub(crate) fn ran_on(soiree: &EventPool, topic: &str) -> String {
    let (sender, name) = channel();
    let id = soiree
        .on(topic, move |_| {
            let thread = thread::current();
            sender
                .send(thread.name().unwrap_or_default().to_owned())
                .unwrap();
        })
        .unwrap();
    soiree.emit(topic, ()).unwrap().wait();
    soiree.off(topic, &id).unwrap();
    let thread = name.recv_timeout(TIME_LIMIT).unwrap();
    thread.rsplit_once('-').unwrap().0.to_owned()
}

/// P2: a bulkhead with blocked workers and a full queue does not delay events on other pools.
#[test]
fn a_full_bulkhead_does_not_delay_the_others() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 1))
        .bulkhead("bulk", worker_pool("bulk", 2, 1))
        .bulkhead("http", worker_pool("http", 1, 1))
        .route("export.**", "bulk")
        .route("request.*", "http")
        .build()
        .unwrap();
    let barrier = Arc::new(Barrier::new(3));
    let inside = Arc::clone(&barrier);
    soiree
        .on("export.**", move |_| {
            inside.wait();
        })
        .unwrap();
    soiree.on("request.*", |_| {}).unwrap();
    soiree.on("user.*", |_| {}).unwrap();
    let exports: Vec<_> = (0..3)
        .map(|_| soiree.emit("export.csv", ()).unwrap())
        .collect();
    let stats = soiree.stats();
    let bulk = stats.get("bulk").unwrap();
    assert_eq!((bulk.active, bulk.waiting), (2, 1));
    for _ in 0..100 {
        assert_eq!(
            soiree.emit("request.get", ()).unwrap().wait().delivered(),
            1
        );
        assert_eq!(
            soiree.emit("user.created", ()).unwrap().wait().delivered(),
            1
        );
    }
    assert!(exports.iter().all(|export| !export.is_finished()));
    barrier.wait();
    // The barrier needs one more thread for the third and the fourth export.
    let partner = thread::spawn(move || barrier.wait().is_leader());
    let fourth = soiree.emit("export.csv", ()).unwrap();
    exports.iter().for_each(|export| drop(export.wait()));
    fourth.wait();
    drop(partner.join());
    soiree.close().unwrap();
    let names: Vec<_> = soiree
        .stats()
        .pools
        .into_iter()
        .map(|(name, stats)| {
            assert_eq!(stats.running, 0, "{name} was released");
            name
        })
        .collect();
    assert_eq!(
        names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["default", "bulk", "http"]
    );
}

/// T1
#[test]
fn the_most_specific_route_wins() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("wide", worker_pool("wide", 1, 8))
        .bulkhead("narrow", worker_pool("narrow", 1, 8))
        .route("acme.*.paid", "narrow")
        .route("acme.ann.paid", "wide")
        .route("acme.**", "wide")
        .route("acme.ann.**", "default")
        .build()
        .unwrap();
    for (topic, expected) in [
        ("globex.eve.paid", "rest"),
        ("acme.bob", "wide"),
        ("acme.bob.paid", "narrow"),
        ("acme.ann.invoice.paid", "rest"),
        ("acme.ann.paid", "wide"),
    ] {
        assert_eq!(ran_on(&soiree, topic), expected, "{topic}");
    }
    assert!(soiree.remove_route("acme.ann.paid"));
    assert!(!soiree.remove_route("acme.ann.paid"));
    // Equally specific, but both lead to the same pool.
    soiree.add_route("*.ann.paid", "narrow").unwrap();
    assert_eq!(ran_on(&soiree, "acme.ann.paid"), "narrow");
    soiree.close().unwrap();
}

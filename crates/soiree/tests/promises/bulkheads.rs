//! Administration of bulkheads: by name, while the event pool runs.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::pool::ResizeError;
use soiree::{
    BulkheadError, DrainBulkheadError, EventPool, ListenerOptions, Overflow, ResizeBulkheadError,
    SubscribeError, TypedTopic, WorkerPool,
};

use crate::support::{TIME_LIMIT, wait_until, worker_pool};

/// L6: in whichever way it is subscribed; the error lists the bulkheads that exist.
#[test]
fn a_listener_for_an_unknown_bulkhead_is_rejected() {
    const TYPED: TypedTopic<u64> = TypedTopic::new("a.b");
    let soiree = EventPool::builder()
        .bulkhead("mail", worker_pool("mail", 1, 1))
        .bulkhead("http", worker_pool("http", 1, 1))
        .build()
        .unwrap();
    let unknown = || ListenerOptions::new().pool("htpp");
    let group = soiree.group();
    let topic = soiree.ensure_topic("a.b").unwrap();
    for rejected in [
        soiree.on_with("a.b", unknown(), |_| {}),
        group.on_with("a.b", unknown(), |_| {}),
        topic.add_listener_with(unknown(), |_| {}),
        TYPED.on_with(&soiree, unknown(), |_, _| {}),
    ] {
        let rejected = rejected.unwrap_err();
        assert!(matches!(rejected, SubscribeError::UnknownPool(_)));
        let text = rejected.to_string();
        assert!(
            text.contains("no bulkhead \"htpp\"; there are [\"http\", \"mail\"]"),
            "{text}"
        );
    }
    assert!(soiree.is_empty() && group.is_empty());
    let on_default = ListenerOptions::new().pool("default");
    soiree.on_with("a.b", on_default, |_| {}).unwrap();
    let without = EventPool::new();
    let rejected = without.on_with("a.b", unknown(), |_| {}).unwrap_err();
    let text = rejected.to_string();
    assert!(
        text.ends_with("no bulkhead \"htpp\"; there are none"),
        "{text}"
    );
    drop(group);
    soiree.close().unwrap();
}

/// P1: each pool's statistics are listed by name, and count its own jobs only.
#[test]
fn stats_are_listed_for_each_pool() {
    let soiree = EventPool::builder()
        .bulkhead("mail", worker_pool("mail", 1, 8))
        .bulkhead("bulk", worker_pool("bulk", 1, 8))
        .route("mail.*", "mail")
        .route("bulk.*", "bulk")
        .build()
        .unwrap();
    for (topic, times) in [("mail.a", 3), ("bulk.a", 2), ("other", 1)] {
        for _ in 0..times {
            soiree.emit(topic, ()).unwrap();
        }
    }
    soiree.close().unwrap();
    let stats = soiree.stats();
    for (name, times) in [("mail", 3), ("bulk", 2), ("default", 1)] {
        let stats = stats.get(name).unwrap();
        assert_eq!(
            (stats.submitted, stats.successful),
            (times, times),
            "{name}"
        );
    }
    assert!(stats.get("none").is_none());
    assert_eq!(soiree.pool_stats(), *stats.get("default").unwrap());
}

/// E4, L3: a listener may drain the bulkhead that it runs on.
#[test]
fn a_listener_may_drain_its_own_bulkhead() {
    let soiree = EventPool::builder()
        .bulkhead("own", worker_pool("own", 1, 4))
        .route("a.*", "own")
        .build()
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on("a.*", move |_| {
            weak.upgrade().unwrap().drain_bulkhead("own")
        })
        .unwrap();
    let report = soiree.emit("a.b", ()).unwrap().wait();
    assert!(report.is_ok(), "{report:?}");
    let report = soiree.emit("a.b", ()).unwrap().wait();
    let error: &BulkheadError = report.errors()[0].downcast_ref().unwrap();
    assert!(matches!(error, BulkheadError::Unknown { .. }));
    soiree.close().unwrap();
}

/// P5: the error counts the jobs that are left at the deadline, and their emissions end.
#[test]
fn a_drain_that_misses_its_deadline_reports_what_was_left() {
    let soiree = EventPool::builder()
        .bulkhead("slow", worker_pool("slow", 1, 4))
        .route("slow.*", "slow")
        .build()
        .unwrap();
    let (release, released) = channel::<()>();
    let (sender, running) = channel();
    let released = std::sync::Mutex::new(released);
    soiree
        .on("slow.*", move |_| {
            sender.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        })
        .unwrap();
    let emissions: Vec<_> = (0..3).map(|_| soiree.emit("slow.a", ()).unwrap()).collect();
    running.recv_timeout(TIME_LIMIT).unwrap();
    let late = soiree
        .drain_bulkhead_with_deadline("slow", Instant::now())
        .unwrap_err();
    let DrainBulkheadError::DrainTimeout { name, source } = late else {
        panic!("{late}");
    };
    assert_eq!((&*name, source.active, source.discarded), ("slow", 1, 2));
    drop(release);
    let discarded = emissions
        .iter()
        .filter(|emission| emission.wait().is_discarded());
    assert_eq!(discarded.count(), 2);
    soiree.close().unwrap();
}

/// P2: an invalid resize is rejected, and the error names the bulkhead.
#[test]
fn a_bulkhead_is_resized_by_name() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 1))
        .bulkhead("bulk", worker_pool("bulk", 1, 1))
        .build()
        .unwrap();
    soiree.resize_bulkhead("bulk", 3).unwrap();
    soiree.resize_bulkhead("default", 2).unwrap();
    let stats = soiree.stats();
    assert_eq!(stats.get("bulk").unwrap().max_workers, 3);
    assert_eq!(stats.get("default").unwrap().max_workers, 2);
    let rejected = soiree.resize_bulkhead("bulk", 0).unwrap_err();
    assert!(matches!(
        rejected,
        ResizeBulkheadError::Resize {
            source: ResizeError::NoWorkers,
            ..
        }
    ));
    assert!(matches!(
        soiree.resize_bulkhead("none", 1).unwrap_err(),
        ResizeBulkheadError::Bulkhead(BulkheadError::Unknown { .. })
    ));
    let full = WorkerPool::builder()
        .overflow(Overflow::Reject)
        .build()
        .unwrap();
    soiree.add_bulkhead("late", full).unwrap();
    assert_eq!(soiree.stats().pools.len(), 3);
    soiree.close().unwrap();
}

/// E4, P5: nobody would release it.
#[test]
fn a_pool_that_is_set_after_a_close_is_rejected_and_dropped() {
    let soiree = EventPool::with_pool(worker_pool("first", 3, 1));
    soiree.set_pool(worker_pool("second", 2, 1)).unwrap();
    assert_eq!(soiree.pool_stats().max_workers, 2);
    soiree.close().unwrap();
    let late = Arc::new(worker_pool("late", 1, 1));
    let rejected = soiree.set_pool(Arc::clone(&late)).unwrap_err();
    assert_eq!(rejected, BulkheadError::Closed);
    assert_eq!(Arc::strong_count(&late), 1);
    assert_eq!(soiree.pool_stats().max_workers, 2);
}

/// E4, P5: whichever comes first, each pool is released or dropped, and its threads end.
#[test]
fn a_pool_that_is_set_during_a_close_ends() {
    for _ in 0..200 {
        let soiree = EventPool::with_pool(worker_pool("first", 1, 1));
        let living = Arc::new(());
        let held = Arc::clone(&living);
        let second = WorkerPool::builder().spawn_handler(move |builder, body| {
            let held = Arc::clone(&held);
            let run = move || {
                body();
                drop(held);
            };
            builder.spawn(run).map(drop)
        });
        let second = second.min_workers(1).build().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| soiree.set_pool(second));
            scope.spawn(|| soiree.close());
        });
        drop(soiree);
        wait_until("its threads have ended", || Arc::strong_count(&living) == 1);
    }
}

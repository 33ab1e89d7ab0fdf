//! Emissions on the calling thread, among others of their key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, KeyOrder, ListenerOptions, Retry};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, block_key, by_key, keys_and_waiting, numbers, ordered_on, record};
use crate::support::{Blocker, TIME_LIMIT, wait_until, worker_pool};

/// L8: `emit_sync` waits for the events before it, and later events wait for it.
#[test]
fn emit_sync_waits_for_the_events_before_it() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    thread::scope(|scope| {
        let soiree = &soiree;
        soiree.emit("key.a", Numbered(1, 0)).unwrap();
        let sync = scope.spawn(move || soiree.emit_sync("key.a", Numbered(1, 1)));
        wait_until("emit_sync waits", || keys_and_waiting(soiree) == (1, 2));
        soiree.emit("key.a", Numbered(1, 2)).unwrap();
        let event = BaseEvent::new("key.a", Numbered(1, 3));
        let event = scope.spawn(move || soiree.emit_event_sync(&event));
        wait_until("emit_sync waits", || keys_and_waiting(soiree) == (1, 4));
        blocker.release();
        assert!(sync.join().unwrap().unwrap().is_ok());
        assert!(event.join().unwrap().unwrap().is_ok());
    });
    let topic = soiree.topic("key.**").unwrap();
    let event = BaseEvent::new("key.a", Numbered(1, 4));
    assert_eq!(topic.trigger(&event).unwrap().delivered(), 1);
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [0, 1, 2, 3, 4]);
}

/// L8, L6: later events also wait for the listeners that `emit_sync` calls on other pools.
#[test]
fn emit_sync_blocks_later_events_until_all_its_listeners_have_ended() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "key.held", ListenerOptions::new().pool("http"));
    thread::scope(|scope| {
        let soiree = &soiree;
        let sync = scope.spawn(move || soiree.emit_sync("key.held", Numbered(1, 0)));
        blocker.wait_started();
        let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
        assert!(soiree.emit("other", ()).unwrap().wait().is_ok());
        assert!(!behind.is_finished());
        drop(blocker);
        assert!(sync.join().unwrap().unwrap().is_ok());
        assert!(behind.wait().is_ok());
    });
    soiree.close().unwrap();
}

/// L8, L3: inside a listener it runs at once, or is rejected if other events of its key are accepted and unfinished.
#[test]
fn emit_sync_inside_a_listener_does_not_wait() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = record(&soiree);
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("key.outer", move |event| {
            let key = event.payload_as::<Numbered>().unwrap().0;
            let soiree = weak.upgrade().unwrap();
            let other = soiree.emit_sync("key.a", Numbered(key + 1, 1)).unwrap();
            let same = soiree.emit_sync("key.a", Numbered(key, 2)).unwrap_err();
            sender.send((other.is_ok(), same)).unwrap();
        })
        .unwrap();
    assert!(
        soiree
            .emit("key.outer", Numbered(1, 0))
            .unwrap()
            .wait()
            .is_ok()
    );
    let (other, same) = receiver.recv().unwrap();
    assert!(other);
    assert!(matches!(same, EmitError::KeyBusy { .. }), "{same}");
    assert_eq!(same.into_payload().downcast_ref(), Some(&Numbered(1, 2)));
    assert!(
        soiree
            .emit_sync("key.outer", Numbered(5, 0))
            .unwrap()
            .is_ok()
    );
    let (other, same) = receiver.recv().unwrap();
    assert!(other && matches!(same, EmitError::KeyBusy { .. }));
    assert_eq!(numbers(&handled), [0, 1, 0, 1]);
    assert_eq!(keys_and_waiting(&soiree), (0, 0));
    soiree.close().unwrap();
}

/// L8, L3: a listener that `emit_sync` calls on another pool cannot wait for a later event of the key.
#[test]
fn a_listener_that_emit_sync_calls_on_another_pool_does_not_wait_for_itself() {
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.**", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on_with(
            "key.outer",
            ListenerOptions::new().pool("http"),
            move |_| {
                let soiree = weak.upgrade().unwrap();
                let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
                sender.send(behind.wait().is_unfinished()).unwrap();
            },
        )
        .unwrap();
    assert!(
        soiree
            .emit_sync("key.outer", Numbered(1, 0))
            .unwrap()
            .is_ok()
    );
    assert!(receiver.recv().unwrap());
    soiree.close().unwrap();
}

/// L8, E3: a worker that waits for an event after an `emit_sync` runs the listeners that wait for the worker's pool.
#[test]
fn a_wait_on_a_worker_runs_the_listeners_of_an_emit_sync_before() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("outer", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    let (release, released) = channel::<()>();
    let released = std::sync::Mutex::new(released);
    soiree
        .on("outer", move |_| {
            sender.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
            assert!(behind.wait().is_ok());
        })
        .unwrap();
    soiree
        .on_with("key.first", ListenerOptions::new().pool("http"), |_| {})
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    receiver.recv_timeout(TIME_LIMIT).unwrap();
    thread::scope(|scope| {
        let soiree = &soiree;
        let sync = scope.spawn(move || soiree.emit_sync("key.first", Numbered(1, 0)));
        wait_until("its listener waits", || {
            soiree.stats().get("http").unwrap().waiting == 1
        });
        release.send(()).unwrap();
        assert!(sync.join().unwrap().unwrap().is_ok());
    });
    assert!(outer.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    soiree.close().unwrap();
}

/// L8: a thread whose last `emit_sync` has waited waits for the events before the next one too.
#[test]
fn a_thread_waits_each_time() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = record(&soiree);
    thread::scope(|scope| {
        let soiree = &soiree;
        let (go, may_go) = channel();
        let emits = scope.spawn(move || {
            for number in [1, 3, 5] {
                may_go.recv().unwrap();
                assert!(
                    soiree
                        .emit_sync("key.a", Numbered(1, number))
                        .unwrap()
                        .is_ok()
                );
            }
        });
        for number in [0, 2, 4] {
            let blocker = block_key(soiree);
            soiree.emit("key.a", Numbered(1, number)).unwrap();
            go.send(()).unwrap();
            wait_until("emit_sync waits", || keys_and_waiting(soiree) == (1, 2));
            blocker.release();
            wait_until("the key is free", || keys_and_waiting(soiree) == (0, 0));
        }
        emits.join().unwrap();
    });
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [0, 1, 2, 3, 4, 5]);
}

/// L7, L8: a retry belongs to the event: the next one of its key waits for it, and finds the key free.
#[test]
fn each_emit_sync_ends_with_its_retries() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let attempts = Arc::new(AtomicUsize::new(0));
    let attempted = Arc::clone(&attempts);
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), 2));
    let fails_first = move |_: &dyn Event| match attempted.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => Err("the first attempt"),
        _ => Ok(()),
    };
    soiree.on_with("key.a", options, fails_first).unwrap();
    // From the third time on, the topic is cached.
    for number in 0..5 {
        let report = soiree.emit_sync("key.a", Numbered(1, number)).unwrap();
        assert_eq!((report.delivered(), report.retried()), (1, 1));
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(keys_and_waiting(&soiree), (0, 0));
    }
    assert_eq!(attempts.load(Ordering::SeqCst), 10);
    soiree.close().unwrap();
}

/// E8: what `emit_sync` went on as is dropped with its emission, and not kept by the thread.
#[test]
fn the_payload_of_an_emit_sync_that_was_retried_is_dropped() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let order = KeyOrder::by(|event| event.payload_as::<Arc<()>>().map(|_| 1));
    soiree.add_order("kept.a", order).unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), 2));
    soiree
        .on_with("kept.a", options, |_| Err::<(), _>("it fails"))
        .unwrap();
    let payload = Arc::new(());
    for _ in 0..3 {
        let report = soiree.emit_sync("kept.a", Arc::clone(&payload)).unwrap();
        assert_eq!((report.failed(), report.retried()), (1, 1));
    }
    soiree.close().unwrap();
    assert_eq!(Arc::strong_count(&payload), 1);
}

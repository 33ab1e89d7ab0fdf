//! Emissions on the thread that emits, among others of their key.

use std::sync::mpsc::channel;
use std::thread;

use soiree::EventPool;
use soiree_core::{BaseEvent, ListenerOptions};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, block_key, by_key, note, numbers, on_their_way, ordered_on};
use crate::support::{Blocker, PATIENCE, wait_until, worker_pool};

/// L8: an `emit_sync` waits for its turn, and others wait for it.
#[test]
fn emit_sync_waits_for_its_turn() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    thread::scope(|scope| {
        let soiree = &soiree;
        soiree.emit("key.a", Numbered(1, 0)).unwrap();
        let sync = scope.spawn(move || soiree.emit_sync("key.a", Numbered(1, 1)));
        wait_until("it waits", || on_their_way(soiree) == (1, 2));
        soiree.emit("key.a", Numbered(1, 2)).unwrap();
        let event = BaseEvent::new("key.a", Numbered(1, 3));
        let event = scope.spawn(move || soiree.emit_event_sync(&event));
        wait_until("it waits", || on_their_way(soiree) == (1, 4));
        blocker.release();
        assert!(sync.join().unwrap().unwrap().is_ok());
        assert!(event.join().unwrap().unwrap().is_ok());
    });
    let topic = soiree.topic("key.**").unwrap();
    let event = BaseEvent::new("key.a", Numbered(1, 4));
    assert_eq!(topic.trigger(&event).unwrap().delivered, 1);
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [0, 1, 2, 3, 4]);
}

/// L8, L6: those behind an `emit_sync` wait for its listeners on pools of their own as well.
#[test]
fn emit_sync_holds_its_place_until_all_its_listeners_have_ended() {
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

/// L8, L3: inside a listener it does not wait: it runs at once, or is refused if others of its key are on their way.
#[test]
fn emit_sync_inside_a_listener_does_not_wait() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = note(&soiree);
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on("key.outer", move |event| {
            let key = event.payload_as::<Numbered>().unwrap().0;
            let soiree = weak.upgrade().unwrap();
            let other = soiree.emit_sync("key.a", Numbered(key + 1, 1)).unwrap();
            let same = soiree.emit_sync("key.a", Numbered(key, 2)).unwrap_err();
            said.send((other.is_ok(), same)).unwrap();
        })
        .unwrap();
    assert!(
        soiree
            .emit("key.outer", Numbered(1, 0))
            .unwrap()
            .wait()
            .is_ok()
    );
    let (other, same) = heard.recv().unwrap();
    assert!(other);
    assert!(matches!(same, EmitError::KeyBusy { .. }), "{same}");
    assert_eq!(same.into_payload().downcast_ref(), Some(&Numbered(1, 2)));
    assert!(
        soiree
            .emit_sync("key.outer", Numbered(5, 0))
            .unwrap()
            .is_ok()
    );
    let (other, same) = heard.recv().unwrap();
    assert!(other && matches!(same, EmitError::KeyBusy { .. }));
    assert_eq!(numbers(&handled), [0, 1, 0, 1]);
    assert_eq!(on_their_way(&soiree), (0, 0));
    soiree.close().unwrap();
}

/// L8, L3: neither waits a listener that `emit_sync` handed over for an event behind that.
#[test]
fn a_listener_that_emit_sync_handed_over_does_not_wait_for_itself() {
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.**", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on_with(
            "key.outer",
            ListenerOptions::new().pool("http"),
            move |_| {
                let soiree = weak.upgrade().unwrap();
                let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
                said.send(behind.wait().unfinished).unwrap();
            },
        )
        .unwrap();
    assert!(
        soiree
            .emit_sync("key.outer", Numbered(1, 0))
            .unwrap()
            .is_ok()
    );
    assert!(heard.recv().unwrap());
    soiree.close().unwrap();
}

/// L8, E3: a worker that waits for an event behind an `emit_sync` runs what that has handed over to the worker's pool.
#[test]
fn waiting_on_a_worker_runs_what_an_emit_sync_before_has_handed_over() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("outer", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    let (go, told) = channel::<()>();
    let told = std::sync::Mutex::new(told);
    soiree
        .on("outer", move |_| {
            said.send(()).unwrap();
            told.lock().unwrap().recv().unwrap();
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
            assert!(behind.wait().is_ok());
        })
        .unwrap();
    soiree
        .on_with("key.first", ListenerOptions::new().pool("http"), |_| {})
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    thread::scope(|scope| {
        let soiree = &soiree;
        let sync = scope.spawn(move || soiree.emit_sync("key.first", Numbered(1, 0)));
        wait_until("its listener waits", || {
            soiree.stats().get("http").unwrap().waiting == 1
        });
        go.send(()).unwrap();
        assert!(sync.join().unwrap().unwrap().is_ok());
    });
    assert!(outer.wait_timeout(PATIENCE).unwrap().is_ok());
    soiree.close().unwrap();
}

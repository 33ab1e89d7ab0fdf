//! Events that listeners emit while a close waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::EmitError;

use crate::async_listener::common::{runtime, with_async};
use crate::support::{Blocker, TIME_LIMIT, on_one_worker, wait_until};

const LENGTH: usize = 10;

/// Each listener of the chain emits the next event; the first one blocks.
fn chain(soiree: &EventPool, is_sync: bool) -> (Blocker, Arc<AtomicUsize>) {
    let blocker = Blocker::on(soiree, "first", ListenerOptions::new());
    let handled = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&handled), soiree.downgrade());
    let next = move |number: usize| {
        count.fetch_add(1, Ordering::SeqCst);
        let soiree = weak.upgrade().unwrap();
        if number == LENGTH {
            return;
        }
        if is_sync {
            soiree.emit_sync("next", number + 1).unwrap();
        } else {
            soiree.emit("next", number + 1).unwrap();
        }
    };
    let also = next.clone();
    soiree.on("first", move |_| also(1)).unwrap();
    soiree
        .on("next", move |event| {
            next(*event.payload_as::<usize>().unwrap())
        })
        .unwrap();
    (blocker, handled)
}

/// E4: a close waits for events that the listeners of accepted events emit meanwhile, and rejects those from outside.
#[test]
fn a_close_handles_the_chains_that_accepted_events_start() {
    for is_sync in [false, true] {
        let soiree = on_one_worker(16);
        let (blocker, handled) = chain(&soiree, is_sync);
        soiree.emit("first", ()).unwrap();
        blocker.wait_started();
        thread::scope(|scope| {
            let close = scope.spawn(|| soiree.close());
            wait_until("it closes", || soiree.is_closed());
            assert!(matches!(
                soiree.emit("first", ()),
                Err(EmitError::Closed { .. })
            ));
            assert!(matches!(
                soiree.emit_sync("first", ()),
                Err(EmitError::Closed { .. })
            ));
            blocker.release();
            close.join().unwrap().unwrap();
        });
        assert_eq!(handled.load(Ordering::SeqCst), LENGTH);
        assert!(soiree.is_empty(), "the listeners are removed at the end");
    }
}

/// E4: the same while an `emit_sync` runs on the emitting thread.
#[test]
fn a_close_handles_the_chain_of_an_emit_sync() {
    for is_sync in [false, true] {
        let soiree = on_one_worker(16);
        let (blocker, handled) = chain(&soiree, is_sync);
        thread::scope(|scope| {
            scope.spawn(|| soiree.emit_sync("first", ()).unwrap());
            blocker.wait_started();
            let close = scope.spawn(|| soiree.close());
            wait_until("it closes", || soiree.is_closed());
            blocker.release();
            close.join().unwrap().unwrap();
        });
        assert_eq!(handled.load(Ordering::SeqCst), LENGTH);
        assert!(soiree.is_empty());
    }
}

/// E4: the same in async listeners.
#[test]
fn a_close_handles_the_chain_of_an_async_listener() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = crate::async_listener::common::HeldListeners::on(&soiree, "first");
    let handled = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&handled), soiree.downgrade());
    soiree
        .on_async("first", move |_| {
            let (soiree, count) = (weak.upgrade().unwrap(), Arc::clone(&count));
            async move {
                tokio::task::yield_now().await;
                soiree.emit("second", ()).unwrap().await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        })
        .unwrap();
    let count = Arc::clone(&handled);
    soiree
        .on("second", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree.emit("first", ()).unwrap();
    held.wait_started();
    thread::scope(|scope| {
        let close = scope.spawn(|| soiree.close());
        wait_until("it closes", || soiree.is_closed());
        held.finish(1);
        close.join().unwrap().unwrap();
    });
    assert_eq!(handled.load(Ordering::SeqCst), 2);
}

/// E4: once the deadline of a close has passed, listeners that still run start nothing new.
#[test]
fn a_chain_ends_at_the_deadline() {
    let soiree = on_one_worker(16);
    let (blocker, handled) = chain(&soiree, false);
    soiree.set_error_handler(|_, _| None);
    let first = soiree.emit("first", ()).unwrap();
    blocker.wait_started();
    assert!(soiree.close_with_deadline(Instant::now()).is_err());
    blocker.release();
    let report = first.wait_timeout(TIME_LIMIT).unwrap();
    assert_eq!(
        (report.delivered(), report.failed()),
        (2, 1),
        "the emit of the listener is rejected"
    );
    assert_eq!(handled.load(Ordering::SeqCst), 1);
}

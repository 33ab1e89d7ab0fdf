//! Events that never reach the listener give their places up.

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, Overflow, Priority};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{assert_at_rest, ordered, wait, wait_for_waiting};
use crate::support::{Blocker, emit_both_ways, worker_pool};

const FIRST: super::Numbered = (1, 1);
const SECOND: super::Numbered = (1, 2);

/// L8, E2: an event that its pool rejects gives its place up.
#[test]
fn a_rejected_event_gives_its_place_up() {
    let full = WorkerPool::builder().max_workers(1).capacity(0);
    let soiree = EventPool::builder()
        .bulkhead("full", full.overflow(Overflow::Reject).build().unwrap())
        .route("full.*", "full")
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "full.block", soiree::ListenerOptions::new());
    soiree.emit("full.block", ()).unwrap();
    blocker.wait_started();
    soiree.on_with("*.event", ordered(), |_| ()).unwrap();
    let rejected = soiree.emit("full.event", FIRST).unwrap_err();
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&FIRST));
    assert!(wait(&soiree.emit("rest.event", SECOND).unwrap()).is_ok());
    blocker.release();
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8, E6: an event that its pool discards gives its place up.
#[test]
fn a_discarded_event_gives_its_place_up() {
    let manual = ManualPool::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("manual", manual.clone())
        .route("manual.*", "manual")
        .build()
        .unwrap();
    soiree.on_with("*.event", ordered(), |_| ()).unwrap();
    let first = soiree.emit("manual.event", FIRST).unwrap();
    let second = soiree.emit("rest.event", SECOND).unwrap();
    wait_for_waiting(&soiree, 1);
    assert!(manual.discard_next());
    assert!(wait(&first).is_discarded() && wait(&second).is_ok());
    soiree.close().unwrap();
}

/// L8, L2: an event that is aborted before it reaches the listener gives its place up, while its other listeners still run.
#[test]
fn an_aborted_event_gives_its_place_up() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .bulkhead("own", worker_pool("own", 1, 16))
        .build()
        .unwrap();
    let on_own = soiree::ListenerOptions::new().pool("own");
    let blocker = Blocker::on(&soiree, "abort.event", on_own.priority(Priority::Highest));
    let (block, abort) = Blocker::new();
    soiree
        .on_with("abort.event", Priority::High, move |event| {
            block();
            event.set_aborted(true);
        })
        .unwrap();
    soiree.on_with("*.event", ordered(), |_| ()).unwrap();
    let first = soiree.emit("abort.event", FIRST).unwrap();
    let second = soiree.emit("rest.event", SECOND).unwrap();
    blocker.wait_started();
    wait_for_waiting(&soiree, 1);
    abort.release();
    assert_eq!(wait(&second).delivered(), 1);
    assert!(!first.is_finished());
    blocker.release();
    assert!(wait(&first).is_aborted());
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8, L11: events that were emitted before the listener was removed give their places up, and it is not called.
#[test]
fn events_of_a_removed_listener_leave_nothing_behind() {
    let manual = ManualPool::new();
    let soiree = EventPool::with_pool(manual.clone());
    let id = soiree.on_with("a", ordered(), |_| ()).unwrap();
    let emissions = [FIRST, SECOND].map(|event| soiree.emit("a", event).unwrap());
    soiree.off("a", &id).unwrap();
    soiree.on_with("a", ordered(), |_| ()).unwrap();
    manual.run_all();
    assert!(
        emissions
            .iter()
            .all(|emission| wait(emission).delivered() == 1)
    );
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8, L4: a key function that panics counts as a panic of the listener. It is called once, on the emitting thread.
#[test]
fn a_key_function_that_panics_is_a_panic_of_the_listener() {
    let soiree = EventPool::with_pool(worker_pool("default", 1, 16));
    let emitter = std::thread::current().id();
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&calls);
    let order = KeyOrder::by(move |_| -> Option<u8> {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(std::thread::current().id(), emitter);
        panic!("no key")
    });
    let options = soiree::ListenerOptions::new().ordered(order);
    soiree.on_with("a", options, |_| ()).unwrap();
    soiree.on("a", |_| ()).unwrap();
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.failed()), (2, 1));
        assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Panicked);
        assert_eq!(report.errors()[0].panic_message(), Some("no key"));
    });
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

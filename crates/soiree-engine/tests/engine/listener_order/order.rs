//! The order of calls is that of the emits, and nobody else waits.

use std::sync::{Arc, Mutex};
use std::thread;

use soiree::EventPool;
use soiree_core::{Overflow, Priority, SubscribeError};

use super::{assert_at_rest, by_key, ordered, wait, wait_for_waiting};
use crate::support::{Blocker, CallLog, wait_until, worker_pool};

/// Two pools of one worker each: what is emitted to `slow.*` waits behind a blocked one.
fn two_pools() -> EventPool {
    EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("slow", worker_pool("slow", 1, 16))
        .route("slow.*", "slow")
        .build()
        .unwrap()
}

/// Subscribes a listener on all topics that records the numbers of its events.
fn record(soiree: &EventPool, options: soiree::ListenerOptions) -> Arc<Mutex<Vec<u32>>> {
    let seen: Arc<Mutex<Vec<u32>>> = Arc::default();
    let log = Arc::clone(&seen);
    let options = options.priority(Priority::Low);
    soiree
        .on_with("*.event", options, move |event| {
            let number = event.payload_as::<super::Numbered>().unwrap().1;
            log.lock().unwrap().push(number);
        })
        .unwrap();
    seen
}

/// L8: an event that was emitted first comes first, also if its emission waits for a worker longer than that of the next one. Events of
/// other keys, and other listeners, do not wait.
#[test]
fn the_order_is_that_of_the_emits() {
    let soiree = two_pools();
    let blocker = Blocker::on(&soiree, "slow.block", soiree::ListenerOptions::new());
    let seen = record(&soiree, ordered());
    let calls = CallLog::default();
    let log = calls.clone();
    soiree
        .on_with("fast.event", Priority::Lowest, move |_| log.record("other"))
        .unwrap();
    let blocked = soiree.emit("slow.block", ()).unwrap();
    blocker.wait_started();
    let first = soiree.emit("slow.event", (1_u32, 1_u32)).unwrap();
    let second = soiree.emit("fast.event", (1_u32, 2_u32)).unwrap();
    wait_for_waiting(&soiree, 1);
    wait_until("the other listener was called", || calls.take().len() == 1);
    let other_key = soiree.emit("fast.event", (2_u32, 3_u32)).unwrap();
    assert!(wait(&other_key).is_ok());
    assert!(!second.is_finished());
    let unordered = soiree.emit("fast.event", ()).unwrap();
    assert_eq!(wait(&unordered).failed(), 1, "it has no number, nor a key");
    assert_eq!(*seen.lock().unwrap(), [3]);
    blocker.release();
    for emission in [&blocked, &first, &second] {
        assert!(wait(emission).is_ok());
    }
    assert_eq!(*seen.lock().unwrap(), [3, 1, 2]);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8: `emit_sync` takes its place before its first listener is called, and waits for the events before it.
#[test]
fn emit_sync_takes_its_place_at_once() {
    let soiree = two_pools();
    let blocker = Blocker::on(&soiree, "sync.event", Priority::Highest.into());
    let seen = record(&soiree, ordered());
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("sync.event", (1_u32, 1_u32)).unwrap());
        blocker.wait_started();
        let second = soiree.emit("fast.event", (1_u32, 2_u32)).unwrap();
        wait_for_waiting(&soiree, 1);
        blocker.release();
        assert!(sync.join().unwrap().is_ok() && wait(&second).is_ok());
    });
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    soiree.close().unwrap();
}

/// L8: many threads emit for keys of their own, on pools of several workers. Each key is handled in order, and by the listener alone.
#[test]
fn each_key_is_handled_in_order_on_many_workers() {
    const EVENTS: u32 = 500;
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 3, 8))
        .bulkhead("slow", worker_pool("slow", 2, 8))
        .route("slow.*", "slow")
        .waiting_capacity(10_000)
        .build()
        .unwrap();
    let last: Arc<[Mutex<u32>; 4]> = Arc::default();
    let seen = Arc::clone(&last);
    soiree
        .on_with("*.event", ordered(), move |event| {
            let (key, number) = *event.payload_as::<super::Numbered>().unwrap();
            // One call at a time: nobody else has the lock.
            let mut last = seen[key as usize].try_lock().unwrap();
            assert_eq!(number, *last + 1);
            thread::yield_now();
            *last = number;
        })
        .unwrap();
    thread::scope(|scope| {
        for key in 0..4_u32 {
            let soiree = &soiree;
            scope.spawn(move || {
                let emit = |number| {
                    let topic = ["slow.event", "fast.event"][number as usize % 2];
                    if number % 7 == 0 {
                        assert!(soiree.emit_sync(topic, (key, number)).unwrap().is_ok());
                        return None;
                    }
                    Some(soiree.emit(topic, (key, number)).unwrap())
                };
                let emissions: Vec<_> = (1..=EVENTS).filter_map(emit).collect();
                assert!(emissions.iter().all(|emission| wait(emission).is_ok()));
            });
        }
    });
    assert!(last.iter().all(|last| *last.lock().unwrap() == EVENTS));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L8: an order that has bounds of its own, or a limit besides, is an error that says so.
#[test]
fn options_that_contradict_an_order_are_rejected() {
    let soiree = two_pools();
    let error = soiree
        .on_with("a", ordered().max_concurrent(2), |_| ())
        .unwrap_err();
    assert_eq!(error, SubscribeError::OrderedAndLimited { calls: 2 });
    assert!(error.to_string().ends_with("max_concurrent(2)"), "{error}");
    let error = soiree.on_mut_with("a", ordered(), |_| ()).unwrap_err();
    assert_eq!(error, SubscribeError::OrderedAndLimited { calls: 1 });
    for (order, capacity, overflow) in [
        (by_key().capacity(3), Some(3), Overflow::Block),
        (by_key().overflow(Overflow::Reject), None, Overflow::Reject),
    ] {
        let options = soiree::ListenerOptions::new().ordered(order);
        let error = soiree.on_with("a", options, |_| ()).unwrap_err();
        assert_eq!(
            error,
            SubscribeError::OrderedCapacity { capacity, overflow }
        );
    }
    soiree.close().unwrap();
}

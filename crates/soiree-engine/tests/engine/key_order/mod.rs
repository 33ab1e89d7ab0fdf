//! Events of one key one after another.

mod capacity;
mod emit_sync;
mod ending;
mod random;
mod reentrancy;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::listener_pool::{held, pool};
use crate::support::{Hold, PATIENCE, until};

/// A key, and the number of the event among those of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbered(pub(crate) u32, pub(crate) u32);

/// What came of whom, in order.
pub(crate) type Handled = Arc<Mutex<Vec<Numbered>>>;

pub(crate) fn by_key() -> KeyOrder {
    KeyOrder::by(|event| event.payload_as::<Numbered>().map(|numbered| numbered.0))
}

/// Events under `key` are ordered, on this pool.
pub(crate) fn ordered_on(pool: impl Into<soiree_core::PoolHandle>) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    soiree.add_order("key.**", by_key()).unwrap();
    soiree
}

/// Notes what is handled under `key`.
pub(crate) fn note(soiree: &EventPool) -> Handled {
    let handled = Handled::default();
    let noted = Arc::clone(&handled);
    soiree
        .on("key.**", move |event| {
            let numbered = *event.payload_as::<Numbered>().unwrap();
            if event.topic() != HOLD {
                noted.lock().unwrap().push(numbered);
            }
        })
        .unwrap();
    handled
}

const HOLD: &str = "key.hold";

/// Holds key 1.
pub(crate) fn hold_key(soiree: &EventPool) -> Hold {
    Hold::listener_of(soiree, HOLD, Numbered(1, 0))
}

pub(crate) fn numbers(handled: &Handled) -> Vec<u32> {
    let handled = handled.lock().unwrap();
    handled.iter().map(|numbered| numbered.1).collect()
}

/// The keys and the waiting events of the only order.
pub(crate) fn on_their_way(soiree: &EventPool) -> (usize, usize) {
    let orders = soiree.stats().orders;
    assert_eq!(orders.len(), 1);
    (orders[0].keys, orders[0].waiting)
}

/// L8: one job of a key is on the pool at a time, so no order of jobs changes that of the events.
#[test]
fn events_of_one_key_are_handled_in_the_order_of_their_emits() {
    let manual = ManualPool::new();
    let soiree = ordered_on(manual.clone());
    let handled = note(&soiree);
    let emissions: Vec<_> = (0..5)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    soiree.emit("key.b", Numbered(2, 99)).unwrap();
    assert_eq!(manual.pending(), 2);
    assert_eq!(on_their_way(&soiree), (2, 4));
    for (number, emission) in emissions.iter().enumerate() {
        assert!(!emission.is_finished());
        assert!(if number == 0 {
            manual.run_next()
        } else {
            manual.run_newest()
        });
        assert!(emission.is_finished(), "event {number}");
    }
    manual.run_all();
    let mut handled = numbers(&handled);
    handled.retain(|number| *number != 99);
    assert_eq!(handled, [0, 1, 2, 3, 4]);
    assert_eq!(on_their_way(&soiree), (0, 0));
    assert_eq!(manual.run_all(), 0);
    soiree.close().unwrap();
}

/// L8: two listeners meet that can only meet if both run.
#[test]
fn events_of_different_keys_run_side_by_side() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let barrier = Arc::new(Barrier::new(2));
    let met = Arc::clone(&barrier);
    soiree
        .on("key.**", move |_| {
            met.wait();
        })
        .unwrap();
    let emissions: Vec<_> = (0..8)
        .map(|number| soiree.emit("key.a", Numbered(number % 2, number)).unwrap())
        .collect();
    for emission in emissions {
        assert!(emission.wait_timeout(PATIENCE).unwrap().is_ok());
    }
    soiree.close().unwrap();
}

/// L8: a key whose event is held holds up none of the others, nor what has no key, however many of its own wait behind it.
#[test]
fn a_key_that_is_held_does_not_delay_another() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    let handled = note(&soiree);
    let (running, go) = held(&soiree, "key.held", ListenerOptions::new());
    let first = soiree.emit("key.held", Numbered(1, 0)).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    let behind: Vec<_> = (1..5)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    for number in 0..20 {
        let other = soiree.emit("key.a", Numbered(2, number)).unwrap();
        assert!(other.wait_timeout(PATIENCE).unwrap().is_ok());
        assert!(soiree.emit("other", ()).unwrap().wait().is_ok());
    }
    assert!(behind.iter().all(|emission| !emission.is_finished()));
    assert_eq!(on_their_way(&soiree), (1, 4));
    drop(go);
    assert!(first.wait().is_ok());
    for emission in behind {
        assert!(emission.wait().is_ok());
    }
    let handled = handled.lock().unwrap();
    let of = |key| handled.iter().filter(move |numbered| numbered.0 == key);
    assert!(of(1).map(|numbered| numbered.1).eq(0..5));
    assert!(of(2).map(|numbered| numbered.1).eq(0..20));
    drop(handled);
    soiree.close().unwrap();
}

fn failing_first(soiree: &EventPool, options: ListenerOptions) -> Arc<Mutex<Vec<(u32, u32)>>> {
    let calls: Arc<Mutex<Vec<(u32, u32)>>> = Arc::default();
    let noted = Arc::clone(&calls);
    soiree
        .on_with("key.**", options, move |event| {
            let number = event.payload_as::<Numbered>().unwrap().1;
            noted.lock().unwrap().push((number, event.attempt()));
            match (number, event.attempt()) {
                (0, 1) => panic!("not yet"),
                (0, 2) => Err("not yet"),
                _ => Ok(()),
            }
        })
        .unwrap();
    calls
}

fn retried() -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), 3))
}

/// L8, L7: neither a panic nor a retry lets a later event of the key overtake.
#[test]
fn a_failing_or_retried_event_is_not_overtaken() {
    for on_own_pool in [false, true] {
        let soiree = EventPool::builder()
            .pool(pool("rest", 2, 8))
            .bulkhead("http", pool("http", 1, 8))
            .ordered("key.**", by_key())
            .build()
            .unwrap();
        let options = if on_own_pool {
            retried().pool("http")
        } else {
            retried()
        };
        let calls = failing_first(&soiree, options);
        let first = soiree.emit("key.a", Numbered(1, 0)).unwrap();
        let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
        assert_eq!(second.wait().retried, 0);
        assert!(first.is_finished());
        assert_eq!(first.wait().retried, 2);
        assert_eq!(
            *calls.lock().unwrap(),
            [(0, 1), (0, 2), (0, 3), (1, 1)],
            "{on_own_pool}"
        );
        soiree.close().unwrap();
    }
}

/// L8, L7: it is if that was asked for, when each listener was called once.
#[test]
fn a_retried_event_may_be_overtaken_if_told_so() {
    for on_own_pool in [false, true] {
        let soiree = EventPool::builder()
            .pool(pool("rest", 2, 8))
            .bulkhead("http", pool("http", 1, 8))
            .ordered("key.**", by_key().overtaking_retries())
            .build()
            .unwrap();
        let never = Retry::fixed(Duration::from_secs(3600), 2);
        let options = ListenerOptions::new().retry(never);
        let options = if on_own_pool {
            options.pool("http")
        } else {
            options
        };
        let calls = failing_first(&soiree, options);
        let first = soiree.emit("key.a", Numbered(1, 0)).unwrap();
        for number in 1..4 {
            let emission = soiree.emit("key.a", Numbered(1, number)).unwrap();
            assert!(emission.wait().is_ok());
        }
        assert!(!first.is_finished());
        assert_eq!(on_their_way(&soiree), (0, 0));
        assert_eq!(
            *calls.lock().unwrap(),
            [(0, 1), (1, 1), (2, 1), (3, 1)],
            "{on_own_pool}"
        );
    }
}

/// L8, L6: with `overtaking_retries` as well, a listener on a pool of its own has been called before the next event begins.
#[test]
fn no_listener_on_a_pool_of_its_own_is_overtaken() {
    for order in [by_key(), by_key().overtaking_retries()] {
        let soiree = EventPool::builder()
            .pool(pool("rest", 2, 8))
            .bulkhead("http", pool("http", 1, 8))
            .ordered("key.**", order)
            .build()
            .unwrap();
        let handled = note(&soiree);
        let (running, go) = held(&soiree, "key.a", ListenerOptions::new().pool("http"));
        let first = soiree.emit("key.a", Numbered(1, 0)).unwrap();
        running.recv_timeout(PATIENCE).unwrap();
        let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
        assert!(soiree.emit("key.b", Numbered(2, 2)).unwrap().wait().is_ok());
        until("the first has been through its pool", || {
            numbers(&handled).len() == 2
        });
        assert_eq!(on_their_way(&soiree), (1, 1));
        drop(go);
        assert!(second.wait().is_ok());
        assert!(first.is_finished());
        soiree.close().unwrap();
    }
}

/// L8: whatever bulkheads the events of a key are routed to.
#[test]
fn order_holds_across_bulkheads() {
    let (rest, bulk) = (ManualPool::new(), ManualPool::new());
    let soiree = EventPool::builder()
        .pool(rest.clone())
        .bulkhead("bulk", bulk.clone())
        .route("key.bulk.**", "bulk")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = note(&soiree);
    for number in 0..6 {
        let topic = if number % 2 == 0 {
            "key.a"
        } else {
            "key.bulk.a"
        };
        soiree.emit(topic, Numbered(1, number)).unwrap();
    }
    for number in 0..6 {
        let (its, other) = if number % 2 == 0 {
            (&rest, &bulk)
        } else {
            (&bulk, &rest)
        };
        assert!(!other.run_next() && its.run_next(), "event {number}");
    }
    assert_eq!(numbers(&handled), [0, 1, 2, 3, 4, 5]);
    soiree.close().unwrap();
}

/// L8: keys of different orders have nothing to do with each other, and an event without a key is not ordered.
#[test]
fn only_events_of_one_order_and_key_wait_for_each_other() {
    let manual = ManualPool::new();
    let soiree = ordered_on(manual.clone());
    soiree
        .add_order("key.special.*", KeyOrder::by(|_| Some(1)))
        .unwrap();
    let called = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&called);
    let odd = KeyOrder::by(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        None::<u8>
    });
    soiree.add_order("odd", odd).unwrap();
    soiree.emit("key.a", Numbered(1, 0)).unwrap();
    soiree.emit("key.special.a", ()).unwrap();
    soiree.emit("key.special.b", ()).unwrap();
    soiree.emit("odd", ()).unwrap();
    soiree.emit("odd", ()).unwrap();
    soiree.emit("key.a", "has no key").unwrap();
    assert_eq!(manual.pending(), 5);
    assert_eq!(called.load(Ordering::SeqCst), 2);
    assert!(soiree.remove_order("key.special.*"));
    assert!(!soiree.remove_order("key.special.*"));
    soiree.emit("key.special.b", ()).unwrap();
    assert_eq!(
        manual.pending(),
        6,
        "the order of key.** knows no key of it"
    );
    assert_eq!(manual.run_all(), 7);
    soiree.close().unwrap();
}

/// L8, L4: a key function that panics refuses the emit, and the payload comes back.
#[test]
fn a_key_function_that_panics_refuses_the_emit() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    soiree
        .add_order(
            "key.*",
            KeyOrder::by(|_| -> Option<u8> { panic!("no key") }),
        )
        .unwrap();
    let says = "key.a was not emitted: the key function for key.* panicked: no key";
    let refused = soiree.emit("key.a", 7_u8).unwrap_err();
    assert_eq!(refused.to_string(), says);
    assert_eq!(refused.into_payload().downcast_ref(), Some(&7_u8));
    let refused = soiree.emit_sync("key.a", 7_u8).unwrap_err();
    assert_eq!(refused.to_string(), says);
    assert_eq!(refused.into_payload().downcast_ref(), Some(&7_u8));
    assert_eq!(on_their_way(&soiree), (0, 0));
    soiree.close().unwrap();
}

/// L8, L3: a key function may call what a listener may.
#[test]
fn a_key_function_may_call_its_event_pool() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    let weak = soiree.downgrade();
    let (said, heard) = channel();
    let order = KeyOrder::by(move |_| {
        let soiree = weak.upgrade()?;
        let closed = soiree.close();
        said.send((closed, soiree.emit_sync("other", ()).is_ok()))
            .unwrap();
        Some(soiree.emit("other", ()).unwrap().wait().delivered)
    });
    soiree.add_order("key.*", order).unwrap();
    assert!(soiree.emit("key.a", ()).unwrap().wait().is_ok());
    assert_eq!(
        heard.recv().unwrap(),
        (Err(soiree_engine::CloseError::InsideListener), true)
    );
    soiree.close().unwrap();
}

/// L8: a listener that has timed out counts as ended, though it still runs.
#[test]
fn a_listener_that_timed_out_holds_up_nobody() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = note(&soiree);
    let limited = ListenerOptions::new().timeout(Duration::from_millis(1));
    let (_running, go) = held(&soiree, "key.held", limited);
    let first = soiree.emit("key.held", Numbered(1, 0)).unwrap();
    let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
    assert!(second.wait_timeout(PATIENCE).unwrap().is_ok());
    assert!(first.is_finished() && first.wait().timed_out == 1);
    drop(go);
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [0, 1]);
}

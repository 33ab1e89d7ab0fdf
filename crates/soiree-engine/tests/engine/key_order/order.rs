//! Events of one key are handled in the order of their emits; others do not wait for them.

use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, by_key, keys_and_waiting, numbers, ordered_on, record};
use crate::support::{Blocker, TIME_LIMIT, wait_until, worker_pool};

/// L8: the pool has one job of a key at a time, so it cannot change the order of events.
#[test]
fn events_of_one_key_are_handled_in_the_order_of_their_emits() {
    let manual = ManualPool::new();
    let soiree = ordered_on(manual.clone());
    let handled = record(&soiree);
    let emissions: Vec<_> = (0..5)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    soiree.emit("key.b", Numbered(2, 99)).unwrap();
    assert_eq!(manual.pending(), 2);
    assert_eq!(keys_and_waiting(&soiree), (2, 4));
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
    assert_eq!(keys_and_waiting(&soiree), (0, 0));
    assert_eq!(manual.run_all(), 0);
    soiree.close().unwrap();
}

/// L8: each of two listeners waits for the other one to run.
#[test]
fn events_of_different_keys_run_concurrently() {
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
        assert!(emission.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    }
    soiree.close().unwrap();
}

/// L8: a blocked event delays later events of its key only, not other keys or events without a key.
#[test]
fn a_blocked_key_does_not_delay_others() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    let handled = record(&soiree);
    let blocker = Blocker::on(&soiree, "key.blocked", ListenerOptions::new());
    let first = soiree.emit("key.blocked", Numbered(1, 0)).unwrap();
    blocker.wait_started();
    let behind: Vec<_> = (1..5)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    for number in 0..20 {
        let other = soiree.emit("key.a", Numbered(2, number)).unwrap();
        assert!(other.wait_timeout(TIME_LIMIT).unwrap().is_ok());
        assert!(soiree.emit("other", ()).unwrap().wait().is_ok());
    }
    assert!(behind.iter().all(|emission| !emission.is_finished()));
    assert_eq!(keys_and_waiting(&soiree), (1, 4));
    drop(blocker);
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
    let recorded = Arc::clone(&calls);
    soiree
        .on_with("key.**", options, move |event| {
            let number = event.payload_as::<Numbered>().unwrap().1;
            recorded.lock().unwrap().push((number, event.attempt()));
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
            .pool(worker_pool("rest", 2, 8))
            .bulkhead("http", worker_pool("http", 1, 8))
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
        assert_eq!(second.wait().retried(), 0);
        assert!(first.is_finished());
        assert_eq!(first.wait().retried(), 2);
        assert_eq!(
            *calls.lock().unwrap(),
            [(0, 1), (0, 2), (0, 3), (1, 1)],
            "{on_own_pool}"
        );
        soiree.close().unwrap();
    }
}

/// L8, L7: with `overtaking_retries`, later events wait only until each listener was called once.
#[test]
fn a_retried_event_may_be_overtaken_if_the_order_allows_it() {
    for on_own_pool in [false, true] {
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 2, 8))
            .bulkhead("http", worker_pool("http", 1, 8))
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
        assert_eq!(keys_and_waiting(&soiree), (0, 0));
        assert_eq!(
            *calls.lock().unwrap(),
            [(0, 1), (1, 1), (2, 1), (3, 1)],
            "{on_own_pool}"
        );
    }
}

/// L8, L6: also with `overtaking_retries`, the next event waits for the first call of a listener on its own pool.
#[test]
fn no_listener_on_its_own_pool_is_overtaken() {
    for order in [by_key(), by_key().overtaking_retries()] {
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 2, 8))
            .bulkhead("http", worker_pool("http", 1, 8))
            .ordered("key.**", order)
            .build()
            .unwrap();
        let handled = record(&soiree);
        let blocker = Blocker::on(&soiree, "key.a", ListenerOptions::new().pool("http"));
        let first = soiree.emit("key.a", Numbered(1, 0)).unwrap();
        blocker.wait_started();
        let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
        assert!(soiree.emit("key.b", Numbered(2, 2)).unwrap().wait().is_ok());
        wait_until("the other listener has seen the first event", || {
            numbers(&handled).len() == 2
        });
        assert_eq!(keys_and_waiting(&soiree), (1, 1));
        drop(blocker);
        assert!(second.wait().is_ok());
        assert!(first.is_finished());
        soiree.close().unwrap();
    }
}

/// L8: also if the events of a key are routed to different bulkheads.
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
    let handled = record(&soiree);
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

/// L8: a listener that has timed out counts as ended, even if it still runs.
#[test]
fn a_listener_that_timed_out_delays_no_event() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = record(&soiree);
    let limited = ListenerOptions::new().timeout(Duration::from_millis(1));
    let blocker = Blocker::on(&soiree, "key.blocked", limited);
    let first = soiree.emit("key.blocked", Numbered(1, 0)).unwrap();
    let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
    assert!(second.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    assert!(first.is_finished() && first.wait().timed_out() == 1);
    drop(blocker);
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [0, 1]);
}

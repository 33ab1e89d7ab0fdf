//! Async listeners of events that are ordered by key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerOptions, Retry};
use soiree_engine::KeyOrder;

use super::common::{HeldListeners, async_stats, runtime, wait_idle, with_async};
use crate::support::{CallLog, emit_both_ways, wait_until};

fn order_by_key(soiree: &EventPool, pattern: &str) {
    let by_key = KeyOrder::by(|event| event.payload_as::<(u64, u64)>().map(|payload| payload.0));
    soiree.add_order(pattern, by_key).unwrap();
}

/// L6, E1: an event waits for the futures of the event before it with the same key, but not for those of other keys.
#[test]
fn events_of_a_key_wait_for_the_futures_before_them() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 4, 10);
    order_by_key(&soiree, "key");
    let held = HeldListeners::on(&soiree, "key");
    let events: [(u64, u64); 4] = [(1, 1), (1, 2), (1, 3), (2, 1)];
    let emissions = events.map(|event| soiree.emit("key", event).unwrap());
    held.wait_started();
    held.wait_started();
    assert_eq!(
        (async_stats(&soiree).active, async_stats(&soiree).waiting),
        (2, 0)
    );
    assert!(held.started.try_recv().is_err());
    held.finish(2);
    held.wait_started();
    held.finish(1);
    held.wait_started();
    held.finish(1);
    for emission in emissions {
        assert!(emission.wait().is_ok());
    }
    assert_eq!(wait_idle(&soiree).successful, 4);
    soiree.close().unwrap();
}

/// L3, P4: a listener that awaits an event behind another one of the same key runs the listeners of both, although it is
/// itself the only one that may be in flight.
#[test]
fn an_await_behind_another_event_needs_no_second_place() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    order_by_key(&soiree, "key");
    let log = CallLog::default();
    let notes = log.clone();
    soiree
        .on_async("key", move |event| {
            let notes = notes.clone();
            async move {
                tokio::task::yield_now().await;
                let (_, number) = *event.payload_as::<(u64, u64)>().unwrap();
                notes.record(number.to_string());
            }
        })
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                let emissions = [1, 2, 3].map(|n| soiree.emit("key", (7_u64, n as u64)).unwrap());
                let [first, second, third] = emissions;
                assert!(third.await.is_ok());
                assert!(first.is_finished() && second.is_finished());
            }
        })
        .unwrap();
    emit_both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}");
        assert_eq!(log.take(), ["1", "2", "3"]);
    });
    soiree.close().unwrap();
}

/// L3: a listener that blocks on such an event returns at once, and the report says that it is unfinished.
#[test]
fn blocking_behind_another_event_does_not_hang() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    order_by_key(&soiree, "key");
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on_async("key", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            async {}
        })
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                soiree.emit("key", (7_u64, 1_u64)).unwrap();
                let second = soiree.emit("key", (7_u64, 2_u64)).unwrap();
                assert!(second.wait().is_unfinished());
            }
        })
        .unwrap();
    emit_both_ways(&soiree, "outer", |report| {
        assert!(report.is_ok(), "{report:?}")
    });
    wait_until("all listeners have run", || ran.load(Ordering::SeqCst) == 4);
    soiree.close().unwrap();
}

/// L7: if retries may be overtaken, the next event of the key waits for the first attempt of a future, not for its retries.
#[test]
fn a_future_that_waits_for_its_next_attempt_may_be_overtaken() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    let by_key = KeyOrder::by(|event| event.payload_as::<u64>().map(|_| 7_u64));
    soiree
        .add_order("key", by_key.overtaking_retries())
        .unwrap();
    let hour = Retry::fixed(Duration::from_secs(3600), 2);
    soiree
        .on_async_with(
            "key",
            ListenerOptions::new().retry(hour),
            |event| async move {
                let number = event.payload_as::<u64>().map_or(0, |number| *number);
                (number > 1).then_some(()).ok_or("the first one fails")
            },
        )
        .unwrap();
    let first = soiree.emit("key", 1_u64).unwrap();
    assert!(soiree.emit("key", 2_u64).unwrap().wait().is_ok());
    assert!(!first.is_finished());
    soiree.close_with_deadline(Instant::now()).unwrap_err();
}

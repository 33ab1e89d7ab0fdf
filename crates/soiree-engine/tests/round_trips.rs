//! What comes back or is handed on is the payload itself, however often. In its own process, because it counts allocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use soiree::{EventPool, TypedTopic};
use soiree_core::{BaseEvent, DeadLetter, Event, ListenerOptions, Overflow, Payload, Retry};
use soiree_engine::{EmitError, KeyOrder, Soiree};
use soiree_testkit::{ManualPool, ManualTimer};
use soiree_tokio::TaskPool;
use tokio::runtime::Builder;

/// So many layers would overflow the stack when they are dropped.
const CYCLES: usize = 50_000;
/// So many layers take far more than this.
const BYTES: u64 = 64 << 10;

#[track_caller]
fn assert_constant(what: &str, cycle: impl FnMut(usize)) {
    assert_constant_after(CYCLES, what, cycle);
}

#[track_caller]
fn assert_constant_after(cycles: usize, what: &str, cycle: impl FnMut(usize)) {
    let allocated = measure(|| (0..cycles).for_each(cycle));
    let most = allocated.bytes_max;
    assert!(most < BYTES, "{what}: {most} bytes at once");
}

/// E2: whichever way it was emitted, and for whatever reason it was rejected.
#[test]
fn a_payload_that_is_rejected_again_and_again_comes_back_unchanged() {
    const ANY: TypedTopic<Payload> = TypedTopic::new("any");
    let full = EventPool::with_pool(ManualPool::with_capacity(0));
    let erased: &dyn Soiree = &full;
    let group = full.group();
    let closed = EventPool::with_pool(ManualPool::new());
    closed.close().unwrap();
    let order = KeyOrder::by(|_| Some(1_u8)).capacity(0);
    let ordered = EventPool::with_pool(ManualPool::new());
    let order = order.overflow(Overflow::Reject);
    ordered.add_order("busy", order).unwrap();
    ordered.emit("busy", "the first of its key").unwrap();
    let event = |payload| BaseEvent::new("any", payload);

    type Emit<'a> = &'a dyn Fn(Payload) -> EmitError;
    let ways: [(&str, Emit<'_>); 9] = [
        ("emit", &|payload| full.emit("any", payload).unwrap_err()),
        ("emit through the trait", &|payload| {
            erased.emit("any", payload).unwrap_err()
        }),
        ("emit through a group", &|payload| {
            Soiree::publish(&group, "any", payload).unwrap_err()
        }),
        ("a typed topic", &|payload| {
            ANY.emit(&full, payload).unwrap_err().into()
        }),
        ("emit_event", &|payload| {
            full.emit_event(event(payload)).unwrap_err()
        }),
        ("emit after a close", &|payload| {
            closed.emit("any", payload).unwrap_err()
        }),
        ("emit_sync after a close", &|payload| {
            closed.emit_sync("any", payload).unwrap_err()
        }),
        ("an invalid topic", &|payload| {
            full.emit("not..valid", payload).unwrap_err()
        }),
        ("a busy key", &|payload| {
            ordered.emit("busy", payload).unwrap_err()
        }),
    ];
    for (way, emit) in ways {
        let mut payload = Payload::new(String::from("first"));
        let address = |payload: &Payload| {
            let value: &String = payload.downcast_ref().unwrap();
            std::ptr::from_ref(value).addr()
        };
        let before = address(&payload);
        assert_constant(way, |_| {
            payload = emit(payload.clone()).into_payload();
        });
        assert_eq!(address(&payload), before, "{way}");
    }
}

/// E2
#[test]
fn a_value_that_was_rejected_and_is_emitted_again_does_not_nest() {
    let full = EventPool::with_pool(ManualPool::with_capacity(0));
    let value = String::from("first");
    let mut payload = full.emit("any", value).unwrap_err().into_payload();
    assert_constant_after(1_000_000, "emit", |_| {
        let emitted = std::mem::replace(&mut payload, Payload::new(()));
        payload = full.emit("any", emitted).unwrap_err().into_payload();
    });
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "first");
}

/// Subscribes a listener that hands the payload on to another topic.
fn forward(soiree: &EventPool, from: &str, to: &'static str) {
    let weak = soiree.downgrade();
    let forward = move |event: &dyn Event| {
        assert_eq!(event.with_payload(String::len), Some(5));
        let soiree = weak.upgrade().ok_or("it is gone")?;
        soiree
            .emit(to, event.payload())
            .map(drop)
            .map_err(|_| "full")
    };
    soiree.on(from, forward).unwrap();
}

/// L3
#[test]
fn a_payload_that_listeners_hand_round_in_a_ring_does_not_nest() {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    forward(&soiree, "one", "two");
    forward(&soiree, "two", "three");
    forward(&soiree, "four", "one");
    let weak = soiree.downgrade();
    let in_place = move |event: &dyn Event| {
        let soiree = weak.upgrade().ok_or("it is gone")?;
        let report = soiree.emit_sync("four", event.payload());
        report
            .map_err(|_| "closed")?
            .is_ok()
            .then_some(())
            .ok_or("full")
    };
    soiree.on("three", in_place).unwrap();
    soiree.emit("one", String::from("first")).unwrap();
    assert_constant("a ring", |_| assert!(pool.run_next()));
    assert_eq!(pool.pending(), 1);
}

/// L7: a dead letter whose payload is emitted again, fails again, and becomes a dead letter again.
#[test]
fn the_payload_of_a_dead_letter_that_is_emitted_again_does_not_nest() {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    soiree.set_dead_letter_topic("dead").unwrap();
    let weak = soiree.downgrade();
    let again = move |event: &dyn Event| {
        let letter = event.payload_as::<DeadLetter>().ok_or("no letter")?;
        let soiree = weak.upgrade().ok_or("it is gone")?;
        let emitted = soiree.emit(&letter.topic, letter.payload.clone());
        emitted.map(drop).map_err(|_| "full")
    };
    soiree.on("dead", again).unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 1));
    let failing = |_: &dyn Event| Err::<(), _>("no");
    soiree.on_with("work", options, failing).unwrap();
    soiree.emit("work", String::from("first")).unwrap();
    assert_constant("dead letters", |_| assert!(pool.run_next()));
    assert_eq!(pool.pending(), 1);
}

/// Emits an event whose async listener emits it again, in its last attempt.
fn emits_its_event_again(attempts: u32) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let (pool, timer) = (ManualPool::new(), ManualTimer::new());
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 16).unwrap();
    let soiree = EventPool::builder()
        .pool(pool.clone())
        .timer(timer.clone())
        .bulkhead("async", tasks)
        .build()
        .unwrap();
    let weak = soiree.downgrade();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let listener = move |event: Arc<dyn Event>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let weak = weak.clone();
        async move {
            assert_eq!(event.with_payload(String::len), Some(5));
            if event.attempt() < attempts {
                return Err("not yet");
            }
            let soiree = weak.upgrade().ok_or("it is gone")?;
            let erased: &dyn Soiree = &soiree;
            erased.emit_event(event).map(drop).map_err(|_| "full")
        }
    };
    let options = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, attempts));
    soiree.on_async_with("again", options, listener).unwrap();
    soiree.emit("again", String::from("first")).unwrap();
    assert_constant("async", |_| {
        assert!(pool.run_next());
        runtime.block_on(async {
            while pool.pending() == 0 {
                timer.advance(Duration::ZERO);
                tokio::task::yield_now().await;
            }
        });
    });
    // An event that is emitted again starts with its first attempt.
    assert_eq!(calls.load(Ordering::Relaxed), attempts * CYCLES as u32);
}

/// L3: the listener gets an event that belongs to its emission. Emitted again, it does not keep that emission.
#[test]
fn an_event_that_an_async_listener_emits_again_does_not_nest() {
    emits_its_event_again(1);
}

/// L3, L7: nor the number of the attempt that emits it.
#[test]
fn an_event_that_a_retried_async_listener_emits_again_does_not_nest() {
    emits_its_event_again(2);
}

//! Topics that only those emit who have reserved them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use soiree::EventPool;
use soiree_core::{BaseEvent, Event, KeyOrder, SubscribeError};
use soiree_engine::{EmitError, Soiree};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, on_one_worker, wait_until};

fn event(topic: &str) -> Arc<dyn Event> {
    Arc::new(BaseEvent::new(topic, 7_u32))
}

/// Every way to emit on a topic, and the error of each.
fn errors(soiree: &EventPool, topic: &str) -> Vec<EmitError> {
    let base = || BaseEvent::new(topic, 7_u32);
    let results = [
        soiree.emit(topic, 7_u32).err(),
        soiree.try_emit(topic, 7_u32).err(),
        soiree.emit_sync(topic, 7_u32).err(),
        soiree.emit_event(base()).err(),
        soiree.try_emit_event(base()).err(),
        soiree.emit_event_sync(&base()).err(),
        pollster::block_on(soiree.emit_async(topic, 7_u32)).err(),
        pollster::block_on(soiree.emit_event_async(base())).err(),
        soiree.ensure_topic(topic).unwrap().trigger(&base()).err(),
    ];
    results.into_iter().flatten().collect()
}

const WAYS: usize = 9;

fn counting(soiree: &EventPool, pattern: &str) -> Arc<AtomicU64> {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let listener = move |_: &dyn Event| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    soiree.on(pattern, listener).unwrap();
    calls
}

/// D2: while a topic is reserved, no way to emit it reaches a listener; the error says why, and the payload comes back. Also if the topic
/// was emitted before, and so is in the cache. When the reservation ends, it is emitted as before.
#[test]
fn a_reserved_topic_is_emitted_by_nobody_else() {
    let soiree = on_one_worker(64);
    let calls = counting(&soiree, "paid.*");
    for round in 0..3 {
        assert!(errors(&soiree, "paid.a").is_empty(), "{round}");
        wait_until("all have ended", || soiree.stats().in_flight == 0);
        let reserved = soiree.reserve("paid.*").unwrap();
        for _ in 0..3 {
            let before = calls.load(Ordering::SeqCst);
            let errors = errors(&soiree, "paid.a");
            assert_eq!(errors.len(), WAYS);
            for error in errors {
                assert!(matches!(error, EmitError::Reserved { .. }), "{error}");
                assert!(error.to_string().contains("outbox"), "{error}");
                assert_eq!(error.into_payload().downcast_ref::<u32>(), Some(&7));
            }
            assert_eq!(soiree.stats().in_flight, 0);
            assert_eq!(calls.load(Ordering::SeqCst), before);
        }
        assert!(errors(&soiree, "sold.a").is_empty());
        drop(reserved);
    }
    soiree.close().unwrap();
}

/// D2: who has reserved topics publishes on them, in four ways; ordinary listeners are called. Nobody else does, once the topic is cached.
#[test]
fn the_holder_of_a_reservation_publishes_on_its_topics() {
    let soiree = on_one_worker(64);
    let calls = counting(&soiree, "paid.*");
    let reserved = soiree.reserve("paid.*").unwrap();
    for _ in 0..3 {
        let emissions = [
            reserved.publish_event(event("paid.a")).unwrap(),
            reserved.try_publish_event(event("paid.a")).unwrap(),
            pollster::block_on(reserved.publish_event_async(event("paid.a"))).unwrap(),
        ];
        for emission in emissions {
            assert_eq!(emission.wait().delivered(), 1);
        }
        let report = reserved.publish_event_sync(event("paid.a")).unwrap();
        assert_eq!(report.delivered(), 1);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 12);
    // The topic is in the cache now, and reserved there too.
    assert_eq!(errors(&soiree, "paid.a").len(), WAYS);
    assert_eq!(calls.load(Ordering::SeqCst), 12);
    soiree.close().unwrap();
    let error = reserved.publish_event(event("paid.a")).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
    let late = soiree.reserve("paid.*");
    assert_eq!(late.unwrap_err(), SubscribeError::Closed);
}

/// D2: a reservation gives no pass for topics that somebody else has reserved, and ends with its last holder.
#[test]
fn a_reservation_is_for_its_own_pattern_and_is_counted() {
    let soiree = on_one_worker(64);
    let calls = counting(&soiree, "**");
    let paid = soiree.reserve("paid.*").unwrap();
    let again = soiree.reserve("paid.*").unwrap();
    let sold = soiree.reserve("sold").unwrap();
    let error = paid.publish_event(event("sold")).unwrap_err();
    assert!(matches!(error, EmitError::Reserved { .. }), "{error}");
    assert_eq!(
        paid.publish_event(event("free"))
            .unwrap()
            .wait()
            .delivered(),
        1
    );
    drop(paid);
    assert_eq!(errors(&soiree, "paid.a").len(), WAYS);
    drop(again);
    assert!(errors(&soiree, "paid.a").len() < WAYS);
    assert_eq!(errors(&soiree, "sold").len(), WAYS);
    drop(sold);
    assert!(soiree.emit("sold", ()).is_ok());
    assert!(calls.load(Ordering::SeqCst) > 0);
    soiree.close().unwrap();
}

/// D2: a listener that emits while a close waits for it is rejected on a reserved topic too.
#[test]
fn a_reserved_topic_stays_reserved_while_a_close_waits() {
    let soiree = on_one_worker(64);
    let calls = counting(&soiree, "paid.*");
    let reserved = Arc::new(soiree.reserve("paid.*").unwrap());
    let (block, blocker) = Blocker::new();
    let (inside, pass) = (soiree.downgrade(), Arc::clone(&reserved));
    let errors = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&errors);
    let listener = move |_: &dyn Event| {
        block();
        let soiree = inside.upgrade().unwrap();
        let results = [
            soiree.emit_sync("paid.a", ()).map(drop),
            soiree.emit("paid.a", ()).map(drop),
        ];
        for error in results.into_iter().filter_map(Result::err) {
            assert!(matches!(error, EmitError::Reserved { .. }), "{error}");
            counted.fetch_add(1, Ordering::SeqCst);
        }
        pass.publish_event_sync(event("paid.a")).unwrap();
    };
    soiree.on("start", listener).unwrap();
    let emission = soiree.emit("start", ()).unwrap();
    blocker.wait_started();
    thread::scope(|scope| {
        scope.spawn(|| soiree.close().unwrap());
        wait_until("the close has begun", || soiree.is_closed());
        blocker.release();
    });
    assert!(emission.wait().is_ok());
    assert_eq!(errors.load(Ordering::SeqCst), 2);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// D2: reserved topics do not keep the event pool alive.
#[test]
fn reserved_topics_do_not_keep_the_event_pool_alive() {
    let soiree = on_one_worker(64);
    let reserved = soiree.reserve("paid.*").unwrap();
    let weak = soiree.downgrade();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    let error = reserved.publish_event_sync(event("paid.a")).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
}

/// D4: an order by key of the event pool applies to what is published on reserved topics.
#[test]
fn an_order_applies_to_what_is_published_on_reserved_topics() {
    let soiree = EventPool::with_pool(WorkerPool::new(4, 64).unwrap());
    soiree
        .add_order("paid.*", KeyOrder::by(|_| Some(1_u64)))
        .unwrap();
    let (block, blocker) = Blocker::new();
    soiree.on("paid.*", move |_| block()).unwrap();
    let reserved = soiree.reserve("paid.*").unwrap();
    let first = reserved.publish_event(event("paid.a")).unwrap();
    blocker.wait_started();
    let second = reserved.publish_event(event("paid.b")).unwrap();
    assert_eq!(soiree.stats().waiting.key, 1);
    blocker.release();
    blocker.wait_started();
    blocker.release();
    assert_eq!(first.wait().delivered() + second.wait().delivered(), 2);
    soiree.close().unwrap();
}

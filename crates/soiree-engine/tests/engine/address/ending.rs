//! Closing while deliveries run, and dropping addresses.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, SubscribeError};
use soiree_engine::{CloseError, CutOffCause, EmitError, Soiree};
use soiree_testkit::ManualPool;

use super::{address, deliver, event};
use crate::support::{Blocker, TIME_LIMIT, on_one_worker, wait_until};

/// D18: a close waits for deliveries that were accepted. After it, a delivery is rejected.
#[test]
fn a_close_waits_for_deliveries_and_rejects_later_ones() {
    let soiree = on_one_worker(10);
    let (block, blocker) = Blocker::new();
    let ledger = address(&soiree, ListenerOptions::new(), move |_| block());
    let running = ledger.try_deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    let closing = soiree.clone();
    let closer = thread::spawn(move || closing.close());
    wait_until("the close has begun", || soiree.is_closed());
    let error = ledger.try_deliver(event("paid.b")).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
    assert!(!closer.is_finished());
    blocker.release();
    closer.join().unwrap().unwrap();
    assert_eq!(running.wait_timeout(TIME_LIMIT).unwrap().delivered(), 1);
    let late = Soiree::address(
        &soiree,
        "a",
        ListenerOptions::new(),
        Arc::new(|_: &dyn soiree_core::Event| ()),
    );
    assert_eq!(late.unwrap_err(), SubscribeError::Closed);
}

/// D18: a close that does not wait for a delivery names it.
#[test]
fn a_close_that_misses_its_deadline_names_the_delivery() {
    let soiree = on_one_worker(10);
    let (block, blocker) = Blocker::new();
    let ledger = address(&soiree, ListenerOptions::new(), move |_| block());
    let _running = ledger.try_deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    let waiting = ledger.try_deliver(event("paid.b")).unwrap();
    let closed = soiree.close_with_deadline(Instant::now());
    let Err(CloseError::DrainTimeout { described, .. }) = closed else {
        panic!("{closed:?}");
    };
    let mut described: Vec<_> = described
        .iter()
        .map(|one| (&*one.topic, one.cause))
        .collect();
    described.sort_by_key(|(topic, _)| *topic);
    let expected = [
        ("paid.a", CutOffCause::Running),
        ("paid.b", CutOffCause::Discarded),
    ];
    assert_eq!(described, expected);
    let report = waiting.wait_timeout(TIME_LIMIT).unwrap();
    assert!(report.is_discarded());
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Discarded);
    blocker.release();
}

/// D18: the listener, and what it has captured, is dropped with its address. If a delivery runs, when that has ended.
#[test]
fn dropping_an_address_drops_its_listener_after_its_deliveries() {
    let soiree = on_one_worker(10);
    let captured = Arc::new(());
    let (block, blocker) = Blocker::new();
    let held = Arc::clone(&captured);
    let ledger = address(&soiree, ListenerOptions::new(), move |_| {
        let _held = &held;
        block();
    });
    let running = ledger.try_deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    drop(ledger);
    assert_eq!(Arc::strong_count(&captured), 2);
    assert!(soiree.graph().patterns.is_empty());
    blocker.release();
    assert_eq!(running.wait_timeout(TIME_LIMIT).unwrap().delivered(), 1);
    drop(running);
    wait_until("the listener is dropped", || {
        Arc::strong_count(&captured) == 1
    });
    let held = Arc::clone(&captured);
    let idle = address(&soiree, ListenerOptions::new(), move |_| {
        drop(Arc::clone(&held))
    });
    drop(idle);
    assert_eq!(Arc::strong_count(&captured), 1);
    soiree.close().unwrap();
}

/// D18: a close drops the listeners although their addresses live on.
#[test]
fn a_close_drops_the_listeners_of_addresses() {
    let soiree = on_one_worker(10);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let ledger = address(&soiree, ListenerOptions::new(), move |_| {
        drop(Arc::clone(&held))
    });
    assert_eq!(deliver(&ledger, "paid.a").delivered(), 1);
    soiree.close().unwrap();
    assert_eq!(Arc::strong_count(&captured), 1);
    drop(ledger);
}

/// E5: an address does not keep the event pool alive, nor does the event pool keep the address.
#[test]
fn an_address_does_not_keep_the_event_pool_alive() {
    let soiree = on_one_worker(10);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let ledger = address(&soiree, ListenerOptions::new(), move |_| {
        drop(Arc::clone(&held))
    });
    let weak = soiree.downgrade();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    assert_eq!(Arc::strong_count(&captured), 1);
    let error = ledger.try_deliver(event("paid.a")).unwrap_err();
    assert!(matches!(error, EmitError::Closed { .. }), "{error}");
}

/// D18: a delivery that its pool drops is discarded, and its report says so.
#[test]
fn a_delivery_that_its_pool_drops_is_discarded() {
    let pool = Arc::new(ManualPool::new());
    let soiree = EventPool::with_pool(Arc::clone(&pool) as Arc<dyn soiree_core::Pool>);
    let ledger = address(&soiree, ListenerOptions::new(), |_| {});
    let emission = ledger.try_deliver(event("paid.a")).unwrap();
    assert!(pool.discard_next());
    let report = emission.wait_timeout(Duration::ZERO).unwrap();
    assert!(report.is_discarded() && !report.is_ok());
    assert_eq!((report.delivered(), report.not_called()), (0, 1));
    soiree.close().unwrap();
}

/// D18: `shut_down` of the trait closes, at once and in async code.
#[test]
fn shut_down_closes_through_the_trait() {
    let soiree = on_one_worker(10);
    let contract: &dyn Soiree = &soiree;
    contract.shut_down(None).unwrap();
    let again = contract.shut_down(Some(Instant::now()));
    assert_eq!(again, Err(CloseError::AlreadyClosed));
    let soiree = on_one_worker(10);
    let contract: &dyn Soiree = &soiree;
    pollster::block_on(contract.shut_down_async(None)).unwrap();
    assert!(soiree.is_closed());
    let again = pollster::block_on(contract.shut_down_async(None));
    assert_eq!(again, Err(CloseError::AlreadyClosed));
}

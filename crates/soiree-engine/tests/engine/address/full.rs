//! Deliveries for which there is no place.

use std::sync::Arc;

use soiree::EventPool;
use soiree_core::{BaseEvent, ListenerOptions, Pool, SubmitErrorReason};
use soiree_engine::{EmitError, Soiree};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;
use soiree_tokio::TaskPool;

use super::{address, event};
use crate::support::{Blocker, TIME_LIMIT, on_one_worker, worker_pool};

/// D3, D12: if the listener's bulkhead is full, the delivery is an error that says so, and nothing is called. The payload comes back.
#[test]
fn a_full_bulkhead_rejects_the_delivery_and_calls_nothing() {
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .bulkhead("mail", worker_pool("mail", 1, 1))
        .build()
        .unwrap();
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().pool("mail");
    let ledger = address(&soiree, options, move |_| block());
    let running = ledger.try_deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    let waiting = ledger.try_deliver(event("paid.b")).unwrap();
    let rejected = ledger.try_deliver(Arc::new(BaseEvent::new("paid.c", 7_u32)));
    let error = rejected.unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(error.pool(), Some("mail"));
    assert_eq!(error.into_payload().downcast_ref::<u32>(), Some(&7));
    blocker.release();
    blocker.release();
    for emission in [running, waiting] {
        let report = emission.wait_timeout(TIME_LIMIT).unwrap();
        assert_eq!((report.delivered(), report.not_called()), (1, 0));
    }
    soiree.close().unwrap();
}

/// D3, D12: a delivery may wait for a place instead, in the line of its pool, and is withdrawn as long as it has not started.
#[test]
fn a_delivery_may_wait_for_a_place_and_be_withdrawn() {
    let pool = ManualPool::with_capacity(1);
    let soiree = EventPool::with_pool(pool.clone());
    let (sender, called) = std::sync::mpsc::channel();
    let ledger = address(&soiree, ListenerOptions::new(), move |event| {
        sender.send(event.topic().to_owned()).unwrap();
    });
    let topics = ["paid.a", "paid.b", "paid.c", "paid.d"];
    let [a, b, c, d] = topics.map(|topic| ledger.deliver(event(topic)).unwrap());
    assert_eq!(pool.stats().requeued, 3);
    assert!(ledger.try_deliver(event("paid.e")).unwrap_err().is_full());
    assert!(pool.run_next() && pool.run_next());
    ledger.withdraw();
    let report = |emission: soiree_engine::Emission| {
        let report = emission.wait_timeout(TIME_LIMIT).unwrap();
        assert!(report.errors().is_empty(), "{report:?}");
        (
            report.delivered(),
            report.not_called(),
            report.is_discarded(),
        )
    };
    assert_eq!([a, b].map(report), [(1, 0, false); 2]);
    assert_eq!([c, d].map(report), [(0, 1, true); 2]);
    pool.run_all();
    let e = ledger.deliver(event("paid.e")).unwrap();
    pool.run_all();
    assert_eq!(report(e), (1, 0, false));
    assert_eq!(
        called.try_iter().collect::<Vec<_>>(),
        ["paid.a", "paid.b", "paid.e"]
    );
    soiree.close().unwrap();
}

/// D12, L13: a delivery that may wait does so for its turn too, beyond the waiting capacity, and is withdrawn from there.
#[test]
fn a_delivery_may_wait_for_its_turn_and_be_withdrawn() {
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(4, 10).unwrap())
        .waiting_capacity(1)
        .build()
        .unwrap();
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().max_concurrent(1);
    let ledger = address(&soiree, options, move |_| block());
    let running = ledger.deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    let waiting = ["paid.b", "paid.c"].map(|topic| ledger.deliver(event(topic)).unwrap());
    assert_eq!(soiree.stats().waiting.turn, 2);
    ledger.withdraw();
    for emission in waiting {
        let report = emission.wait_timeout(TIME_LIMIT).unwrap();
        assert_eq!((report.delivered(), report.not_called()), (0, 1));
    }
    assert_eq!(soiree.stats().waiting.turn, 0);
    blocker.release();
    let report = running.wait_timeout(TIME_LIMIT).unwrap();
    assert_eq!((report.delivered(), report.not_called()), (1, 0));
    soiree.close().unwrap();
}

/// D3, D12: an async listener whose bulkhead is full is rejected by the delivery too, and not called.
#[test]
fn a_full_async_bulkhead_rejects_the_delivery_and_calls_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 0).unwrap();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .bulkhead("async", tasks)
        .build()
        .unwrap();
    let (send, receive) = tokio::sync::oneshot::channel::<()>();
    let receive = Arc::new(tokio::sync::Mutex::new(Some(receive)));
    let listener = soiree_core::Async(move |_| {
        let receive = Arc::clone(&receive);
        async move {
            let receive = receive.lock().await.take();
            let _ = receive.expect("it is called once").await;
        }
    });
    let options = ListenerOptions::new();
    let ledger = Soiree::address(&soiree, "paid.*", options, Arc::new(listener)).unwrap();
    let running = ledger.try_deliver(event("paid.a")).unwrap();
    let error = ledger.try_deliver(event("paid.b")).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(error.pool(), Some("async"));
    send.send(()).unwrap();
    let report = running.wait_timeout(TIME_LIMIT).unwrap();
    assert_eq!((report.delivered(), report.not_called()), (1, 0));
    soiree.close().unwrap();
}

/// D3, L13: deliveries take turns if the listener's calls are limited. Beyond the waiting capacity they are rejected.
#[test]
fn a_limit_of_calls_at_once_holds_for_deliveries() {
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(4, 10).unwrap())
        .waiting_capacity(1)
        .build()
        .unwrap();
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().max_concurrent(1);
    let ledger = address(&soiree, options, move |_| block());
    let first = ledger.try_deliver(event("paid.a")).unwrap();
    blocker.wait_started();
    let second = ledger.try_deliver(event("paid.b")).unwrap();
    let error = ledger.try_deliver(event("paid.c")).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(soiree.stats().waiting.turn, 1);
    blocker.release();
    blocker.wait_started();
    blocker.release();
    for emission in [first, second] {
        assert_eq!(emission.wait_timeout(TIME_LIMIT).unwrap().delivered(), 1);
    }
    soiree.close().unwrap();
}

/// D3: a key function that panics counts as a panic of the listener, and not of the thread that delivers.
#[test]
fn a_key_function_that_panics_is_a_panic_of_the_listener() {
    let soiree = on_one_worker(10);
    let key =
        |event: &dyn soiree_core::Event| -> Option<u64> { panic!("no key: {}", event.topic()) };
    let options = ListenerOptions::new().max_concurrent_by(1, key);
    let ledger = address(&soiree, options, |_| {});
    let report = super::deliver(&ledger, "paid.a");
    assert_eq!((report.delivered(), report.failed()), (1, 1));
    soiree.close().unwrap();
}

/// D3: a pool that was closed elsewhere rejects a delivery with its reason.
#[test]
fn a_closed_pool_rejects_the_delivery() {
    let pool = Arc::new(ManualPool::new());
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .bulkhead("mail", Arc::clone(&pool) as Arc<dyn Pool>)
        .build()
        .unwrap();
    let ledger = address(&soiree, ListenerOptions::new().pool("mail"), |_| {});
    pool.stop();
    let error = ledger.try_deliver(event("paid.a")).unwrap_err();
    assert!(!error.is_full(), "{error}");
    let reason = match error {
        EmitError::Rejected { pool, source, .. } => Some((pool, source)),
        _ => None,
    };
    assert!(
        matches!(&reason, Some((pool, SubmitErrorReason::Closed)) if &**pool == "mail" || &**pool == "default"),
        "{reason:?}"
    );
    soiree.close().unwrap();
}

//! What a delivery calls, and how it ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{
    Async, BaseEvent, Event, KeyOrder, ListenerError, ListenerErrorKind, ListenerOptions, Retry,
};
use soiree_engine::Soiree;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;
use soiree_tokio::TaskPool;

use super::{address, deliver, event};
use crate::support::{
    Blocker, CallLog, TIME_LIMIT, named, on_one_worker, thread_name, worker_pool,
};

/// D3: a delivery calls the listener of its address once, and no other; an emit does not call it.
#[test]
fn a_delivery_calls_its_listener_alone_and_no_emit_does() {
    let soiree = on_one_worker(10);
    let log = CallLog::default();
    let ordinary = log.clone();
    soiree
        .on("paid.*", move |event| {
            ordinary.record(format!("on {}", event.topic()))
        })
        .unwrap();
    let addressed = log.clone();
    let ledger = address(&soiree, ListenerOptions::new(), move |event| {
        addressed.record(format!("ledger {}", event.topic()));
    });
    let report = deliver(&ledger, "paid.late");
    assert_eq!((report.delivered(), report.failed()), (1, 0));
    assert_eq!(log.take(), ["ledger paid.late"]);
    assert_eq!(soiree.emit("paid.early", ()).unwrap().wait().delivered(), 1);
    assert_eq!(soiree.emit_sync("paid.early", ()).unwrap().delivered(), 1);
    assert_eq!(log.take(), ["on paid.early", "on paid.early"]);
    // Its pattern is where it is shown, and no filter.
    assert_eq!(deliver(&ledger, "elsewhere").delivered(), 1);
    assert_eq!(log.take(), ["ledger elsewhere"]);
    soiree.close().unwrap();
}

/// D3: the listener sees the event that was delivered, with its ID, properties and payload.
#[test]
fn a_delivery_shows_the_event_itself() {
    let soiree = on_one_worker(10);
    let (send, receive) = channel();
    let send = Mutex::new(send);
    let ledger = address(&soiree, ListenerOptions::new(), move |event| {
        let seen = (
            event.id(),
            event.payload_as::<u32>().map(|payload| *payload),
        );
        send.lock().unwrap().send(seen).unwrap();
    });
    let event = BaseEvent::new("paid.late", 7_u32);
    let id = event.id();
    ledger.try_deliver(Arc::new(event)).unwrap();
    assert_eq!(receive.recv_timeout(TIME_LIMIT).unwrap(), (id, Some(7)));
    soiree.close().unwrap();
}

/// D3: errors and panics are in the report and go to the handlers, as those of any listener.
#[test]
fn errors_and_panics_of_a_delivery_are_reported() {
    let errors = CallLog::default();
    let handled = errors.clone();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .error_handler(move |_, error| {
            handled.record(format!("{:?}", error.kind()));
            Some(error)
        })
        .build()
        .unwrap();
    let ledger = address(&soiree, named("ledger"), |event| {
        assert!(event.topic() != "paid.panic", "no such account");
        Err::<(), _>("no money")
    });
    let report = deliver(&ledger, "paid.late");
    assert_eq!((report.delivered(), report.failed()), (1, 1));
    let text = report.errors()[0].to_string();
    assert!(
        text.contains("no money") && text.contains("ledger"),
        "{text}"
    );
    let report = deliver(&ledger, "paid.panic");
    let kinds: Vec<_> = report.errors().iter().map(ListenerError::kind).collect();
    assert_eq!(kinds, [ListenerErrorKind::Panicked]);
    assert_eq!(errors.take(), ["Failed", "Panicked"]);
    soiree.close().unwrap();
}

/// D3: without a retry, an error of a delivery is no dead letter; with one, it is tried again first.
#[test]
fn only_a_delivery_with_a_retry_becomes_a_dead_letter() {
    let letters = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&letters);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .dead_letter_handler(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let fails = |_: &dyn Event| Err::<(), _>("no money");
    let once = address(&soiree, ListenerOptions::new(), fails);
    assert_eq!(deliver(&once, "paid.late").failed(), 1);
    assert_eq!(letters.load(Ordering::SeqCst), 0);
    let retry = Retry::fixed(Duration::ZERO, 3);
    let thrice = address(&soiree, ListenerOptions::new().retry(retry), fails);
    let report = deliver(&thrice, "paid.late");
    assert_eq!((report.failed(), report.retried()), (1, 2));
    assert_eq!(letters.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// D3: an event that the filter turns down is not delivered, and is no unheard event.
#[test]
fn a_filter_skips_a_delivery_which_is_no_unheard_event() {
    let dead = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&dead);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .unheard_event_handler(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let options = ListenerOptions::new().filter(|event| event.topic() == "paid.late");
    let ledger = address(&soiree, options, |_| {});
    let report = deliver(&ledger, "paid.early");
    assert_eq!((report.delivered(), report.not_called()), (0, 0));
    assert_eq!(deliver(&ledger, "paid.late").delivered(), 1);
    assert_eq!(dead.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
}

/// D3: a listener that exceeds its timeout ends its delivery, and keeps its worker until it returns.
#[test]
fn a_timeout_ends_a_delivery() {
    let soiree = on_one_worker(10);
    let (block, blocker) = Blocker::new();
    let options = ListenerOptions::new().timeout(Duration::from_millis(1));
    let ledger = address(&soiree, options, move |_| block());
    let emission = ledger.try_deliver(event("paid.late")).unwrap();
    blocker.wait_started();
    let report = emission.wait_timeout(TIME_LIMIT).expect("it times out");
    assert_eq!((report.delivered(), report.timed_out()), (1, 1));
    blocker.release();
    soiree.close().unwrap();
}

/// D3: an async listener runs on the bulkhead for async listeners, with a timeout that drops its future.
#[test]
fn an_async_listener_is_polled_on_its_bulkhead_and_timed() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("polls")
        .build()
        .unwrap();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .bulkhead(
            "async",
            TaskPool::new(runtime.handle().clone(), 1, 1).unwrap(),
        )
        .build()
        .unwrap();
    let log = CallLog::default();
    let polled = log.clone();
    let listener = Async(move |event: Arc<dyn Event>| {
        polled.record(thread_name());
        async move {
            if event.topic() == "paid.never" {
                std::future::pending::<()>().await;
            }
        }
    });
    let options = ListenerOptions::new().timeout(Duration::from_millis(1));
    let ledger = Soiree::address(&soiree, "paid.*", options, Arc::new(listener)).unwrap();
    let report = deliver(&ledger, "paid.never");
    assert_eq!((report.delivered(), report.timed_out()), (1, 1));
    assert_eq!(log.take(), ["polls"]);
    soiree.close().unwrap();
}

/// D3: deliveries run on the listener's bulkhead, or else where their topic is routed.
#[test]
fn a_delivery_runs_on_the_bulkhead_of_its_listener_or_topic() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 10))
        .bulkhead("mail", worker_pool("mail", 1, 10))
        .bulkhead("late", worker_pool("late", 1, 10))
        .route("paid.late", "late")
        .build()
        .unwrap();
    let log = CallLog::default();
    let record = |log: &CallLog| {
        let log = log.clone();
        move |_: &dyn Event| log.record(thread_name().split('-').next().unwrap_or_default())
    };
    let mail = address(&soiree, ListenerOptions::new().pool("mail"), record(&log));
    let routed = address(&soiree, ListenerOptions::new(), record(&log));
    for (address, topic) in [
        (&mail, "paid.late"),
        (&routed, "paid.late"),
        (&routed, "paid.x"),
    ] {
        assert_eq!(deliver(address, topic).delivered(), 1);
    }
    assert_eq!(log.take(), ["mail", "late", "rest"]);
    soiree.drain_bulkhead("mail").unwrap();
    assert_eq!(deliver(&mail, "paid.late").delivered(), 1);
    assert_eq!(log.take(), ["late"]);
    soiree.close().unwrap();
}

/// D4: an order by key of the event pool does not hold up deliveries.
#[test]
fn an_order_of_the_event_pool_does_not_apply_to_deliveries() {
    let pool = Arc::new(ManualPool::new());
    let soiree = EventPool::builder()
        .pool(Arc::clone(&pool))
        .ordered("paid.*", KeyOrder::by(|_| Some(1_u64)))
        .build()
        .unwrap();
    let ledger = address(&soiree, ListenerOptions::new(), |_| {});
    let first = ledger.try_deliver(event("paid.a")).unwrap();
    let second = ledger.try_deliver(event("paid.b")).unwrap();
    assert_eq!(pool.pending(), 2);
    pool.run_all();
    assert_eq!(first.wait().delivered() + second.wait().delivered(), 2);
    soiree.close().unwrap();
}

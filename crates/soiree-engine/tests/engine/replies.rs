//! Listeners that answer, and listeners that abort.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::{CollectError, EventPool, Priority, Reply, ReportError, WorkerPool};
use soiree_core::{Event, ListenerError, ListenerOptions, Retry};
use soiree_testkit::ManualPool;

use crate::async_listener::common::{runtime, with_async};
use crate::support::{TIME_LIMIT, emit_both_ways, named, on_one_worker};

fn numbers(report: soiree::Report) -> Vec<u64> {
    let replies = report.collect::<u64>().unwrap();
    replies.iter().map(|number| **number).collect()
}

/// L1: replies come in calling order, those of listeners on other pools too, and only from those that reply.
#[test]
fn replies_are_collected_in_calling_order() {
    let soiree = on_one_worker(8);
    soiree
        .add_bulkhead("own", WorkerPool::new(1, 8).unwrap())
        .unwrap();
    let own = ListenerOptions::new().pool("own").priority(Priority::High);
    soiree.on("a.*", |_| Reply(2_u64)).unwrap();
    soiree.on("a.b", |_| {}).unwrap();
    soiree.on_with("a.b", own, |_| Reply(1_u64)).unwrap();
    let fallible = |event: &dyn Event| -> Result<Reply<u64>, ListenerError> {
        Ok(Reply(event.topic().len() as u64))
    };
    soiree.on("**", fallible).unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered(), report.failed()), (4, 0));
        assert_eq!((report.replies(), report.is_ok()), (3, true));
        assert_eq!(numbers(report), [1, 2, 3]);
    });
    let collected = soiree.emit("a.b", ()).unwrap().collect::<u64>().unwrap();
    assert_eq!(collected.len(), 3);
    soiree.close().unwrap();
}

/// L1, A6: async listeners reply as well, and so does the attempt of a retry that succeeds.
#[test]
fn async_listeners_and_retries_reply() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 8);
    soiree
        .on_async("a", |_| async {
            tokio::task::yield_now().await;
            Reply(1_u64)
        })
        .unwrap();
    let retried = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
    soiree
        .on_with("a", retried, |event| match event.attempt() {
            1 => Err("not yet"),
            attempt => Ok(Reply(u64::from(attempt))),
        })
        .unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert_eq!((report.delivered(), report.retried()), (2, 1));
    assert_eq!(numbers(report), [1, 2]);
    soiree.close().unwrap();
}

/// L1: a reply of another type is an error that names the listener, both types and the place.
#[test]
fn a_reply_of_another_type_names_the_listener() {
    let soiree = on_one_worker(8);
    soiree
        .on_with("a", named("prices"), |_| Reply("7"))
        .unwrap();
    emit_both_ways(&soiree, "a", |report| {
        let error = report.collect::<u64>().unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("listener prices on a (registered at "),
            "{text}"
        );
        assert!(
            text.ends_with("replied with &str, and u64 was expected"),
            "{text}"
        );
        assert!(matches!(error, CollectError::WrongType { .. }));
    });
    soiree.close().unwrap();
}

/// L4: a failure is no missing reply in silence.
#[test]
fn a_failed_listener_makes_collecting_an_error() {
    let soiree = on_one_worker(8);
    soiree.on("a", |_| Reply(1_u64)).unwrap();
    soiree.on("a", |_| Err::<(), _>("no price")).unwrap();
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.replies(), report.failed()), (1, 1));
        let error = report.collect::<u64>().unwrap_err();
        assert!(matches!(
            error,
            CollectError::Report(ReportError::Failed { .. })
        ));
    });
    soiree.close().unwrap();
}

/// E1: an emission keeps so many replies, and counts the others.
#[test]
fn replies_are_bounded_and_counted() {
    let soiree = on_one_worker(8);
    for number in 0..1_030_u64 {
        soiree.on("a", move |_| Reply(number)).unwrap();
    }
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.replies()), (1_030, 1_030));
        let error = report.collect::<u64>().unwrap_err();
        assert!(matches!(error, CollectError::TooMany { omitted: 6 }));
    });
    soiree.close().unwrap();
}

/// E1: replies that nobody asks for are dropped, though one holds the event's own payload.
#[test]
fn replies_that_nobody_asks_for_are_dropped() {
    let soiree = on_one_worker(8);
    soiree.on("a", |event| Reply(event.payload())).unwrap();
    let payload = Arc::new(());
    drop(soiree.emit("a", Arc::clone(&payload)).unwrap());
    drop(soiree.emit_sync("a", Arc::clone(&payload)).unwrap());
    soiree.close().unwrap();
    assert_eq!(Arc::strong_count(&payload), 1);
}

/// E1: once nobody can ask for them, each is dropped at once, and not at the end of an emission that may take long.
#[test]
fn a_reply_that_nobody_can_ask_for_is_dropped_before_the_next_call() {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let reply = Arc::new(());
    let (replied, held) = (Arc::clone(&reply), Arc::clone(&reply));
    soiree
        .on("a", move |_| Reply(Arc::clone(&replied)))
        .unwrap();
    let (sender, held_by) = channel();
    soiree
        .on("a", move |_| sender.send(Arc::strong_count(&held)).unwrap())
        .unwrap();
    let before = Arc::strong_count(&reply);
    drop(soiree.emit("a", ()).unwrap());
    assert_eq!(pool.run_all(), 1);
    assert_eq!(held_by.recv().unwrap(), before);
    let kept = soiree.emit("a", ()).unwrap();
    assert_eq!(pool.run_all(), 1);
    assert_eq!(held_by.recv().unwrap(), before + 1);
    assert_eq!(kept.wait().replies(), 1);
    soiree.close().unwrap();
}

/// L2: the report says who aborted, and why.
#[test]
fn the_report_says_who_aborted_and_why() {
    let soiree = on_one_worker(8);
    let first = named("first").priority(Priority::High);
    soiree.on_with("a", first, |_| {}).unwrap();
    soiree
        .on_with("*", named("stock"), |event| event.abort("out of stock"))
        .unwrap();
    let check = |report: soiree::Report, delivered| {
        assert!(report.is_aborted());
        let abort = report.abort().unwrap().clone();
        assert_eq!(abort.reason.as_deref(), Some("out of stock"));
        let by = abort.by.unwrap();
        assert_eq!((by.name.as_deref(), &*by.pattern), (Some("stock"), "*"));
        let text = report.into_result().unwrap_err().to_string();
        let start =
            format!("the event was aborted after {delivered} listeners by listener stock on *");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with(": out of stock"), "{text}");
    };
    // It is the last one, and then one of several.
    emit_both_ways(&soiree, "a", |report| check(report, 2));
    soiree.on("a", |_| panic!("it is skipped")).unwrap();
    emit_both_ways(&soiree, "a", |report| check(report, 2));
    soiree.close().unwrap();
}

/// L2: a listener on a pool of its own, too, and without a reason.
#[test]
fn an_abort_on_another_pool_is_named() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 8).unwrap());
    soiree
        .add_bulkhead("own", WorkerPool::new(1, 8).unwrap())
        .unwrap();
    let (sender, aborted) = channel();
    let aborted = Mutex::new(aborted);
    let own = named("own").pool("own").priority(Priority::High);
    soiree
        .on_with("a", own, move |event| {
            event.set_aborted(true);
            sender.send(()).unwrap();
        })
        .unwrap();
    soiree
        .on("a", move |_| {
            let aborted = aborted.lock().unwrap();
            aborted.recv_timeout(TIME_LIMIT).unwrap();
        })
        .unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert!(report.is_aborted());
    let abort = report.abort().unwrap();
    assert_eq!(abort.reason, None);
    assert!(abort.by.is_some());
    soiree.close().unwrap();
}

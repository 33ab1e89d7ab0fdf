//! When async listeners start, and when they are rejected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use soiree::EventPool;
use soiree_core::{
    Job, ListenerErrorKind, ListenerOptions, Overflow, Pool, PoolOptions, Priority, Retry,
    SubmitErrorReason, SubscribeError,
};
use soiree_engine::Soiree;
use soiree_pool::WorkerPool;
use soiree_tokio::TaskPool;

use super::common::{HeldListeners, async_stats, record_on, runtime, wait_idle, with_async};
use crate::support::{CallLog, TIME_LIMIT, emit_both_ways, wait_until};

fn with_priority(priority: Priority) -> ListenerOptions {
    ListenerOptions::new().priority(priority)
}

fn counting(soiree: &EventPool, topic: &str, options: ListenerOptions) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    soiree
        .on_async_with(topic, options, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { tokio::task::yield_now().await }
        })
        .unwrap();
    count
}

/// P1, P2: as many futures are in flight as the limit allows, however few threads poll them. The others wait.
#[test]
fn the_limit_of_futures_in_flight_holds() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 3, 10);
    let held = HeldListeners::on(&soiree, "a");
    let emissions: Vec<_> = (0..8).map(|_| soiree.emit("a", ()).unwrap()).collect();
    let wait_for = |active, waiting, ended| {
        wait_until("the figures are as expected", || {
            let stats = async_stats(&soiree);
            (stats.active, stats.waiting, stats.successful) == (active, waiting, ended)
        });
    };
    for _ in 0..3 {
        held.wait_started();
    }
    wait_for(3, 5, 0);
    assert!(held.started.try_recv().is_err());
    held.finish(1);
    held.wait_started();
    wait_for(3, 4, 1);
    assert!(held.started.try_recv().is_err());
    soiree.resize_bulkhead("async", 4).unwrap();
    held.wait_started();
    wait_for(4, 3, 1);
    assert!(held.started.try_recv().is_err());
    held.finish(7);
    for emission in emissions {
        assert_eq!(emission.wait().delivered(), 1);
    }
    let stats = wait_idle(&soiree);
    assert_eq!((stats.submitted, stats.successful), (8, 8));
    soiree.close().unwrap();
}

/// L1, L6: async listeners start in the order of priority, and later listeners do not wait for their ends.
#[test]
fn listeners_start_in_order_and_are_not_waited_for() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    let log = CallLog::default();
    record_on(&log, &soiree, "a.*", "low", with_priority(Priority::Low));
    record_on(
        &log,
        &soiree,
        "a.b",
        "normal",
        with_priority(Priority::Normal),
    );
    record_on(
        &log,
        &soiree,
        "a.**",
        "highest",
        with_priority(Priority::Highest),
    );
    record_on(
        &log,
        &soiree,
        "a.b",
        "second",
        with_priority(Priority::Normal),
    );
    emit_both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered(), 4));
    let order = ["highest", "normal", "second", "low"];
    assert_eq!(log.take(), [order, order].concat());

    let held = HeldListeners::on_with(&soiree, "held", with_priority(Priority::Highest));
    let (ran, has_run) = std::sync::mpsc::channel();
    soiree.on("held", move |_| ran.send(()).unwrap()).unwrap();
    let emission = soiree.emit("held", ()).unwrap();
    held.wait_started();
    has_run.recv_timeout(TIME_LIMIT).unwrap();
    assert!(!emission.is_finished());
    held.finish(1);
    assert_eq!(emission.wait().delivered(), 2);
    soiree.close().unwrap();
}

/// L2: an abort stops async listeners that have not started, also those that already wait in the bulkhead.
#[test]
fn an_abort_stops_listeners_that_have_not_started() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    soiree
        .on_with("early", Priority::Highest, |event| event.set_aborted(true))
        .unwrap();
    let early = counting(&soiree, "early", ListenerOptions::new());
    emit_both_ways(&soiree, "early", |report| {
        assert!(report.is_aborted());
        assert_eq!(report.delivered(), 1);
    });

    let held = HeldListeners::on(&soiree, "held");
    soiree.emit("held", ()).unwrap();
    held.wait_started();
    let late = counting(&soiree, "late", with_priority(Priority::High));
    soiree.on("late", |event| event.set_aborted(true)).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("late", ()).unwrap());
        let emission = soiree.emit("late", ()).unwrap();
        wait_until("both wait in the bulkhead", || {
            async_stats(&soiree).waiting == 2
        });
        wait_until("the plain listener has aborted", || {
            soiree.pool_stats().active == 0
        });
        // The other abort is made on the thread of `emit_sync`, which nothing here can wait for. This gives it time.
        soiree.emit("nothing", ()).unwrap().wait();
        held.finish(1);
        let reports = [emission.wait(), sync.join().unwrap()];
        for report in reports {
            assert!(report.is_aborted());
        }
    });
    assert_eq!(early.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
    // The listener of `emit_sync` may have started before the abort, which that thread makes at any time.
    assert!(late.load(Ordering::SeqCst) <= 1);
}

/// L2: an abort by an async listener stops later listeners that have not started.
#[test]
fn an_async_listener_can_abort() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    soiree
        .on_async_with("a", Priority::High, |event| async move {
            event.set_aborted(true);
            tokio::task::yield_now().await;
        })
        .unwrap();
    let others = counting(&soiree, "a", ListenerOptions::new());
    emit_both_ways(&soiree, "a", |report| {
        assert!(report.is_aborted() && !report.is_ok());
        assert_eq!(report.delivered(), 1);
    });
    assert_eq!(others.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
}

/// L5: `once` and `max_runs` are exact with 8 threads that emit at the same time.
#[test]
fn limited_runs_are_exact() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 4, 1_000);
    let once = counting(&soiree, "a", ListenerOptions::new().once());
    let ten = counting(&soiree, "a", ListenerOptions::new().max_runs(10));
    let all = counting(&soiree, "a", ListenerOptions::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    soiree.emit("a", ()).unwrap().wait();
                    soiree.emit_sync("a", ()).unwrap();
                }
            });
        }
    });
    let counts = [once, ten, all].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts, [1, 10, 160]);
    assert_eq!(soiree.len(), 1);
    soiree.close().unwrap();
}

/// L6: a filter is called when the listener starts. If it returns `false`, that is no run of the listener.
#[test]
fn a_filter_is_called_when_the_listener_starts() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let options = ListenerOptions::new()
        .once()
        .filter(|event| event.payload_as::<u8>().is_some_and(|number| *number > 1));
    let count = counting(&soiree, "a", options);
    let delivered = |number: u8| soiree.emit("a", number).unwrap().wait().delivered();
    assert_eq!([1, 2, 3].map(delivered), [0, 1, 0]);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// L6, P2: a listener that a full bulkhead rejects is in the report, and that is no run of the listener.
#[test]
fn a_full_bulkhead_rejects_and_the_report_says_so() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let held = HeldListeners::on(&soiree, "held");
    let first = soiree.emit("held", ()).unwrap();
    held.wait_started();
    let second = soiree.emit("held", ()).unwrap();
    wait_until("the second one waits", || async_stats(&soiree).waiting == 1);
    let once = counting(&soiree, "a", ListenerOptions::new().once().name("once"));
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.not_called()), (0, 1));
        let error = &report.errors()[0];
        assert_eq!(error.kind(), ListenerErrorKind::Rejected);
        let text = error.to_string();
        assert!(text.starts_with("listener once on a "), "{text}");
        assert!(text.ends_with("the queue is full (1 waiting)"), "{text}");
    });
    assert_eq!(async_stats(&soiree).rejected, 2);
    held.finish(2);
    assert!(first.wait().is_ok() && second.wait().is_ok());
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    assert_eq!(once.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// P2, P4: with no overflow policy does a future run on the thread that submits it.
#[test]
fn no_future_runs_on_the_thread_that_emits() {
    let runtime = runtime();
    for overflow in [Overflow::CallerRuns, Overflow::Block, Overflow::Reject] {
        let options = PoolOptions::new(1, 0).overflow(overflow);
        let tasks = TaskPool::with_options(runtime.handle().clone(), options).unwrap();
        let tasks = Arc::new(tasks);
        let soiree = EventPool::builder()
            .bulkhead("async", Arc::clone(&tasks))
            .build()
            .unwrap();
        let held = HeldListeners::on(&soiree, "held");
        let first = soiree.emit("held", ()).unwrap();
        held.wait_started();
        if overflow == Overflow::CallerRuns {
            let rejected = tasks.submit(Job::from_future(async {})).unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
        }
        let report = soiree.emit_sync("held", ()).unwrap();
        assert_eq!(
            report.errors()[0].kind(),
            ListenerErrorKind::Rejected,
            "{overflow:?}"
        );
        held.finish(1);
        assert!(first.wait().is_ok());
        soiree.close().unwrap();
    }
}

/// L6: options that are invalid for an async listener are rejected when it is subscribed, and the error says why.
#[test]
fn invalid_options_are_rejected() {
    let runtime = runtime();
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(1, 1).unwrap())
        .build()
        .unwrap();
    let rejection = |options: ListenerOptions| {
        let subscribed = soiree.on_async_with("a", options, |_| async {});
        subscribed.unwrap_err()
    };
    let error = rejection(ListenerOptions::new());
    assert!(matches!(error, SubscribeError::UnknownPool(_)));
    let text = error.to_string();
    assert!(
        text.contains(r#"no bulkhead "async"; there are ["http"]; an async listener needs"#),
        "{text}"
    );
    for pool in ["http", "default"] {
        let error = rejection(ListenerOptions::new().pool(pool));
        assert!(matches!(error, SubscribeError::PollsNoFutures { .. }));
        let text = error.to_string();
        assert!(
            text.contains(pool) && text.contains("polls futures"),
            "{text}"
        );
    }
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    soiree.add_bulkhead("async", tasks).unwrap();
    let error = rejection(ListenerOptions::new().max_runs(0));
    assert!(matches!(error, SubscribeError::ZeroRuns));
    let error = rejection(ListenerOptions::new().retry(Retry::fixed(TIME_LIMIT, 0)));
    assert!(matches!(error, SubscribeError::ZeroAttempts));
    assert!(soiree.is_empty());
    soiree.close().unwrap();
}

/// L6: if its bulkhead is gone or no longer polls futures, a listener is rejected and does not run on another pool.
#[test]
fn without_its_bulkhead_a_listener_is_rejected() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let count = counting(&soiree, "a", ListenerOptions::new());
    soiree.drain_bulkhead("async").unwrap();
    let assert_rejected = |why: &str| {
        emit_both_ways(&soiree, "a", |report| {
            assert_eq!((report.delivered(), report.not_called()), (0, 1));
            let text = report.errors()[0].to_string();
            assert!(text.ends_with(why), "{text}");
        });
    };
    assert_rejected("the pool is closed");
    let threads = WorkerPool::new(1, 1).unwrap();
    soiree.add_bulkhead("async", threads).unwrap();
    assert_rejected("it polls no futures, and this is an async listener");
    soiree.drain_bulkhead("async").unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    soiree.add_bulkhead("async", tasks).unwrap();
    emit_both_ways(&soiree, "a", |report| assert!(report.is_ok()));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// L6: async listeners can be subscribed through a `dyn Soiree` and a group, and on another bulkhead.
#[test]
fn async_listeners_are_subscribed_in_every_way() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let mail = TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    soiree.add_bulkhead("mail", mail).unwrap();
    let group = soiree.group();
    group.on_async("a", |_| async {}).unwrap();
    let dynamic: &dyn Soiree = &soiree;
    dynamic.on_async("a", |_| async {}).unwrap();
    let on_mail = ListenerOptions::new().pool("mail");
    dynamic
        .on_async_with("a", on_mail, |event| async move {
            let number = event.payload_as::<u64>().ok_or("no number")?;
            (*number == 7).then_some(()).ok_or("another number")
        })
        .unwrap();
    let report = soiree.emit("a", 7_u64).unwrap().wait();
    assert_eq!((report.delivered(), report.failed()), (3, 0));
    assert_eq!(async_stats(&soiree).submitted, 2);
    assert_eq!(soiree.stats().get("mail").unwrap().submitted, 1);
    drop(group);
    assert_eq!(soiree.emit("a", 8_u64).unwrap().wait().delivered(), 2);
    soiree.close().unwrap();
}

/// L6: plain listeners and routed emissions may run on the bulkhead too. They run on the blocking threads of the runtime.
#[test]
fn jobs_that_are_not_futures_run_on_blocking_threads() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    soiree.add_route("routed", "async").unwrap();
    let on_async = ListenerOptions::new().pool("async");
    soiree
        .on_with("routed", on_async, |_| {
            // Panics on a thread that polls tasks.
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(tokio::task::yield_now());
        })
        .unwrap();
    emit_both_ways(&soiree, "routed", |report| assert!(report.is_ok()));
    assert_eq!(wait_idle(&soiree).successful, 2);
    soiree.close().unwrap();
}

/// P4: while a future is polled, `on_worker` of its pool is true.
#[test]
fn a_future_is_on_a_worker_of_its_pool() {
    let runtime = runtime();
    let tasks = Arc::new(TaskPool::new(runtime.handle().clone(), 1, 4).unwrap());
    let (sender, on_worker) = std::sync::mpsc::channel();
    let inside = Arc::clone(&tasks);
    let future = async move {
        tokio::task::yield_now().await;
        sender.send(inside.on_worker()).unwrap();
    };
    tasks.submit(Job::from_future(future)).unwrap();
    assert!(on_worker.recv_timeout(TIME_LIMIT).unwrap());
    assert!(!tasks.on_worker());
    tasks.release();
}

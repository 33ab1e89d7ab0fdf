//! When async listeners start, and when they do not.

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

use super::common::{
    Diary, Held, PATIENCE, at_rest, both_ways, figures, runtime, until, with_async,
};

fn after(priority: Priority) -> ListenerOptions {
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

/// P1, P2: as many futures are in flight as may be and no more, however few threads poll them; the others wait their turn.
#[test]
fn no_more_futures_are_in_flight_than_may_be() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 3, 10);
    let held = Held::on(&soiree, "a");
    let emissions: Vec<_> = (0..8).map(|_| soiree.emit("a", ()).unwrap()).collect();
    let all_are = |active, waiting, ended| {
        until("they start", || {
            let stats = figures(&soiree);
            (stats.active, stats.waiting, stats.successful) == (active, waiting, ended)
        });
    };
    for _ in 0..3 {
        held.has_started();
    }
    all_are(3, 5, 0);
    assert!(held.started.try_recv().is_err());
    held.let_go(1);
    held.has_started();
    all_are(3, 4, 1);
    assert!(held.started.try_recv().is_err());
    soiree.resize_bulkhead("async", 4).unwrap();
    held.has_started();
    all_are(4, 3, 1);
    assert!(held.started.try_recv().is_err());
    held.let_go(7);
    for emission in emissions {
        assert_eq!(emission.wait().delivered, 1);
    }
    let stats = at_rest(&soiree);
    assert_eq!((stats.submitted, stats.successful), (8, 8));
    soiree.close().unwrap();
}

/// L1, L6: they start in the order of their priorities, and listeners that come after do not wait for their ends.
#[test]
fn listeners_start_in_their_order_and_are_not_waited_for() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    let diary = Diary::default();
    diary.on(&soiree, "a.*", "low", after(Priority::Low));
    diary.on(&soiree, "a.b", "normal", after(Priority::Normal));
    diary.on(&soiree, "a.**", "highest", after(Priority::Highest));
    diary.on(&soiree, "a.b", "second", after(Priority::Normal));
    both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered, 4));
    let order = ["highest", "normal", "second", "low"];
    assert_eq!(diary.take(), [order, order].concat());

    let held = Held::on_with(&soiree, "held", after(Priority::Highest));
    let (said, heard) = std::sync::mpsc::channel();
    soiree.on("held", move |_| said.send(()).unwrap()).unwrap();
    let emission = soiree.emit("held", ()).unwrap();
    held.has_started();
    heard.recv_timeout(PATIENCE).unwrap();
    assert!(!emission.is_finished());
    held.let_go(1);
    assert_eq!(emission.wait().delivered, 2);
    soiree.close().unwrap();
}

/// L2: an abort stops those that have not started, whether it comes before their turn or while they wait for a place.
#[test]
fn an_abort_stops_those_that_have_not_started() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    soiree
        .on_with("early", Priority::Highest, |event| event.set_aborted(true))
        .unwrap();
    let early = counting(&soiree, "early", ListenerOptions::new());
    both_ways(&soiree, "early", |report| {
        assert!(report.aborted);
        assert_eq!(report.delivered, 1);
    });

    let held = Held::on(&soiree, "held");
    soiree.emit("held", ()).unwrap();
    held.has_started();
    let late = counting(&soiree, "late", after(Priority::High));
    soiree.on("late", |event| event.set_aborted(true)).unwrap();
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("late", ()).unwrap());
        let emission = soiree.emit("late", ()).unwrap();
        until("both wait for a place", || figures(&soiree).waiting == 2);
        until("the abort is made", || soiree.pool_stats().active == 0);
        // The other one is on a thread of ours: its last listener has run when its emission only waits.
        soiree.emit("nothing", ()).unwrap().wait();
        held.let_go(1);
        let reports = [emission.wait(), sync.join().unwrap()];
        for report in reports {
            assert!(report.aborted);
        }
    });
    assert_eq!(early.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
    // The one on this thread may have started before its abort, as its listeners run on.
    assert!(late.load(Ordering::SeqCst) <= 1);
}

/// L2: an abort by an async listener stops what comes after, also when it comes late.
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
    both_ways(&soiree, "a", |report| {
        assert!(report.aborted && !report.is_ok());
        assert_eq!(report.delivered, 1);
    });
    assert_eq!(others.load(Ordering::SeqCst), 0);
    soiree.close().unwrap();
}

/// L5: `once` and `max_runs` hold exactly under concurrent emits from 8 threads.
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

/// L6: filters are asked as the listener starts, and one that says no leaves its runs alone.
#[test]
fn a_filter_is_asked_at_the_start() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let options = ListenerOptions::new()
        .once()
        .filter(|event| event.payload_as::<u8>().is_some_and(|number| *number > 1));
    let count = counting(&soiree, "a", options);
    let delivered = |number: u8| soiree.emit("a", number).unwrap().wait().delivered;
    assert_eq!([1, 2, 3].map(delivered), [0, 1, 0]);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// L6, P2: what a full bulkhead refuses is reported, and is no run of the listener.
#[test]
fn a_full_bulkhead_refuses_and_the_report_says_so() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let held = Held::on(&soiree, "held");
    let first = soiree.emit("held", ()).unwrap();
    held.has_started();
    let second = soiree.emit("held", ()).unwrap();
    until("it waits", || figures(&soiree).waiting == 1);
    let once = counting(&soiree, "a", ListenerOptions::new().once().name("once"));
    both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered, report.not_called), (0, 1));
        let error = &report.errors[0];
        assert_eq!(error.kind(), ListenerErrorKind::Rejected);
        let text = error.to_string();
        assert!(text.starts_with("listener once on a "), "{text}");
        assert!(text.ends_with("the queue is full (1 waiting)"), "{text}");
    });
    assert_eq!(figures(&soiree).rejected, 2);
    held.let_go(2);
    assert!(first.wait().is_ok() && second.wait().is_ok());
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    assert_eq!(once.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// P2, P4: no policy of a full bulkhead has a future run by the thread that submits it.
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
        let held = Held::on(&soiree, "held");
        let first = soiree.emit("held", ()).unwrap();
        held.has_started();
        if overflow == Overflow::CallerRuns {
            let refused = tasks.submit(Job::from_future(async {})).unwrap_err();
            assert!(matches!(refused.reason, SubmitErrorReason::Full { .. }));
        }
        let report = soiree.emit_sync("held", ()).unwrap();
        assert_eq!(
            report.errors[0].kind(),
            ListenerErrorKind::Rejected,
            "{overflow:?}"
        );
        held.let_go(1);
        assert!(first.wait().is_ok());
        soiree.close().unwrap();
    }
}

/// L6: options that make no sense for a future are refused when it is subscribed, and the error says why.
#[test]
fn options_that_make_no_sense_are_refused() {
    let runtime = runtime();
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(1, 1).unwrap())
        .build()
        .unwrap();
    let refused = |options: ListenerOptions| {
        let refused = soiree.on_async_with("a", options, |_| async {});
        refused.unwrap_err()
    };
    let error = refused(ListenerOptions::new());
    assert!(matches!(error, SubscribeError::UnknownPool(_)));
    let text = error.to_string();
    assert!(
        text.contains(r#"no bulkhead "async"; there are ["http"]"#),
        "{text}"
    );
    for threads in ["http", "default"] {
        let error = refused(ListenerOptions::new().pool(threads));
        assert!(matches!(error, SubscribeError::PollsNoFutures { .. }));
        let text = error.to_string();
        assert!(
            text.contains(threads) && text.contains("polls futures"),
            "{text}"
        );
    }
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    soiree.add_bulkhead("async", tasks).unwrap();
    let error = refused(ListenerOptions::new().max_runs(0));
    assert!(matches!(error, SubscribeError::ZeroRuns));
    let error = refused(ListenerOptions::new().retry(Retry::fixed(PATIENCE, 0)));
    assert!(matches!(error, SubscribeError::ZeroAttempts));
    assert!(soiree.is_empty());
    soiree.close().unwrap();
}

/// L6: a bulkhead that is gone, or that is no longer one for futures, refuses; the listener does not run elsewhere.
#[test]
fn without_its_bulkhead_a_listener_is_refused() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let count = counting(&soiree, "a", ListenerOptions::new());
    soiree.drain_bulkhead("async").unwrap();
    let is_refused = |why: &str| {
        both_ways(&soiree, "a", |report| {
            assert_eq!((report.delivered, report.not_called), (0, 1));
            let text = report.errors[0].to_string();
            assert!(text.ends_with(why), "{text}");
        });
    };
    is_refused("the pool is closed");
    let threads = WorkerPool::new(1, 1).unwrap();
    soiree.add_bulkhead("async", threads).unwrap();
    is_refused("it polls no futures, and this is an async listener");
    soiree.drain_bulkhead("async").unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    soiree.add_bulkhead("async", tasks).unwrap();
    both_ways(&soiree, "a", |report| assert!(report.is_ok()));
    assert_eq!(count.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// L6: whatever is subscribed through a `dyn Soiree`, a group or another bulkhead is as any other.
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
    assert_eq!((report.delivered, report.failed), (3, 0));
    assert_eq!(figures(&soiree).submitted, 2);
    assert_eq!(soiree.stats().get("mail").unwrap().submitted, 1);
    drop(group);
    assert_eq!(soiree.emit("a", 8_u64).unwrap().wait().delivered, 2);
    soiree.close().unwrap();
}

/// L6: plain listeners and whole emissions may run on the bulkhead as well, on the runtime's blocking threads.
#[test]
fn plain_work_on_the_bulkhead_counts_as_one_in_flight() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    soiree.add_route("routed", "async").unwrap();
    let on_async = ListenerOptions::new().pool("async");
    soiree
        .on_with("routed", on_async, |_| {
            // What may block here must not hold up the runtime.
            let held = tokio::runtime::Handle::current();
            held.block_on(tokio::task::yield_now());
        })
        .unwrap();
    both_ways(&soiree, "routed", |report| assert!(report.is_ok()));
    assert_eq!(at_rest(&soiree).successful, 2);
    soiree.close().unwrap();
}

/// P4: a future that is polled is inside its pool, and knows it.
#[test]
fn a_future_is_on_a_worker_of_its_pool() {
    let runtime = runtime();
    let tasks = Arc::new(TaskPool::new(runtime.handle().clone(), 1, 4).unwrap());
    let (said, heard) = std::sync::mpsc::channel();
    let inside = Arc::clone(&tasks);
    let future = async move {
        tokio::task::yield_now().await;
        said.send(inside.on_worker()).unwrap();
    };
    tasks.submit(Job::from_future(future)).unwrap();
    assert!(heard.recv_timeout(PATIENCE).unwrap());
    assert!(!tasks.on_worker());
    tasks.release();
}

//! How many calls run, which of them wait, and what the others do meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, NotCalled, Priority, SubscribeError};

use super::{assert_at_rest, emit, limit, occupy, wait, wait_for_waiting, with_workers};
use crate::support::{Blocker, CallLog, wait_until, worker_pool};

/// W5: no more calls run than the limit allows. The others wait, hold no worker, and are counted.
#[test]
fn calls_beyond_the_limit_wait_and_hold_no_worker() {
    let soiree = with_workers(4);
    let blocker = Blocker::on(&soiree, "a", limit(2));
    let emissions = emit(&soiree, "a", 5);
    blocker.wait_started();
    blocker.wait_started();
    wait_for_waiting(&soiree, 3);
    wait_until("two workers are free", || soiree.stats().active == 2);
    let stats = soiree.stats();
    assert_eq!((stats.in_flight, stats.waiting.total()), (5, 3));
    assert_eq!(stats.waiting_calls, 3);
    for _ in 0..3 {
        blocker.release();
        blocker.wait_started();
        assert!(soiree.stats().active <= 3, "one may be about to end");
    }
    assert_eq!(soiree.stats().waiting.turn, 0);
    blocker.release();
    blocker.release();
    for emission in &emissions {
        let report = wait(emission);
        assert!(report.is_ok() && report.delivered() == 1, "{report:?}");
    }
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5: the limit holds for all emissions together, whatever pools they run on.
#[test]
fn the_limit_spans_the_pools() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("other", worker_pool("other", 1, 16))
        .route("b", "other")
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "*", limit(1));
    let first = occupy(&soiree, "a", &blocker);
    let second = soiree.emit("b", ()).unwrap();
    wait_for_waiting(&soiree, 1);
    thread::scope(|scope| {
        let third = scope.spawn(|| soiree.emit_sync("b", ()).unwrap());
        wait_for_waiting(&soiree, 2);
        for _ in 0..2 {
            blocker.release();
            blocker.wait_started();
        }
        blocker.release();
        assert!(third.join().unwrap().is_ok());
    });
    assert!(wait(&first).is_ok() && wait(&second).is_ok());
    soiree.close().unwrap();
}

/// W5: with 1, the calls come in the order in which the emissions reached the listener, also on a pool of many workers.
#[test]
fn one_call_at_a_time_comes_in_order() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 64))
        .bulkhead("own", worker_pool("own", 4, 2))
        .build()
        .unwrap();
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (calls, active) = (Arc::clone(&seen), AtomicUsize::new(0));
    soiree
        .on_with("a", limit(1).pool("own"), move |event| {
            assert_eq!(active.fetch_add(1, Ordering::SeqCst), 0);
            let number = *event.payload_as::<usize>().unwrap();
            calls.lock().unwrap().push(number);
            thread::yield_now();
            active.fetch_sub(1, Ordering::SeqCst);
        })
        .unwrap();
    let emissions = (0..500_usize).map(|number| soiree.emit("a", number).unwrap());
    for emission in emissions.collect::<Vec<_>>() {
        assert!(wait(&emission).is_ok());
    }
    assert!(seen.lock().unwrap().iter().copied().eq(0..500));
    soiree.close().unwrap();
}

/// W5, L6: while a call waits, the later listeners of its emission are called. The emission ends with the call.
#[test]
fn later_listeners_do_not_wait_for_a_turn() {
    let soiree = with_workers(1);
    let blocker = Blocker::on(&soiree, "*", limit(1).priority(Priority::High));
    let calls = CallLog::default();
    let log = calls.clone();
    soiree.on("b", move |_| log.record("later")).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| soiree.emit_sync("a", ()).unwrap());
        blocker.wait_started();
        let emission = soiree.emit("b", ()).unwrap();
        wait_until("the later listener was called", || calls.take().len() == 1);
        assert!(!emission.is_finished());
        blocker.release();
        blocker.wait_started();
        assert!(!emission.is_finished());
        blocker.release();
        let report = wait(&emission);
        assert_eq!((report.delivered(), report.is_ok()), (2, true));
    });
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5: no more calls wait than the capacity allows; the next one is not made, and its report says so.
#[test]
fn calls_beyond_the_waiting_capacity_are_reported() {
    let soiree = with_workers(2);
    let blocker = Blocker::on(&soiree, "a", limit(1).name("slow"));
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", 3);
    wait_for_waiting(&soiree, 3);
    let check = |report: soiree::Report| {
        assert_eq!((report.delivered(), report.not_called()), (0, 1));
        let error = &report.errors()[0];
        assert_eq!(error.kind(), ListenerErrorKind::Rejected);
        let why = std::error::Error::source(error).unwrap().downcast_ref();
        let expected = NotCalled::TooManyWait {
            max_concurrent: 1,
            waiting_capacity: 3,
        };
        assert_eq!(why, Some(&expected));
        let text = error.to_string();
        assert!(text.starts_with("listener slow on a "), "{text}");
        assert!(text.ends_with(" no more than 3 calls may wait"), "{text}");
    };
    check(wait(&soiree.emit("a", ()).unwrap()));
    check(soiree.emit_sync("a", ()).unwrap());
    assert_eq!(soiree.stats().waiting_calls, 3);
    for _ in 0..4 {
        blocker.release();
    }
    assert!(wait(&first).is_ok() && waiting.iter().all(|emission| wait(emission).is_ok()));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L4: a call that fails or panics gives its turn back.
#[test]
fn a_call_that_fails_gives_its_turn_back() {
    let soiree = with_workers(2);
    let (block, blocker) = Blocker::new();
    soiree
        .on_with("*", limit(1), move |event| {
            block();
            match event.topic() {
                "panics" => panic!("as planned"),
                topic => Err::<(), _>(topic.to_owned()),
            }
        })
        .unwrap();
    for topic in ["panics", "fails"] {
        let first = occupy(&soiree, topic, &blocker);
        let second = soiree.emit(topic, ()).unwrap();
        wait_for_waiting(&soiree, 1);
        blocker.release();
        blocker.wait_started();
        blocker.release();
        assert_eq!((wait(&first).failed(), wait(&second).failed()), (1, 1));
        blocker.release();
        assert_eq!(soiree.emit_sync(topic, ()).unwrap().failed(), 1);
        blocker.wait_started();
    }
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L2: an abort stops a call that waits for its turn, and the next one gets the turn.
#[test]
fn an_abort_stops_a_call_that_waits() {
    let soiree = with_workers(2);
    let blocker = Blocker::on(&soiree, "**", limit(1).priority(Priority::High));
    soiree.on("abort", |event| event.set_aborted(true)).unwrap();
    let first = occupy(&soiree, "a", &blocker);
    let aborted = soiree.emit("abort", ()).unwrap();
    wait_for_waiting(&soiree, 1);
    let last = soiree.emit("a", ()).unwrap();
    wait_for_waiting(&soiree, 2);
    wait_until("the abort is set", || soiree.stats().active == 1);
    blocker.release();
    blocker.wait_started();
    let report = wait(&aborted);
    assert!(report.is_aborted() && report.delivered() == 1, "{report:?}");
    blocker.release();
    assert!(wait(&first).is_ok() && wait(&last).is_ok());
    soiree.close().unwrap();
}

/// L5: a run limit is exact among calls that wait. Those that come too late are skipped.
#[test]
fn runs_are_exact_among_calls_that_wait() {
    let soiree = with_workers(2);
    let blocker = Blocker::on(&soiree, "a", limit(1).max_runs(2));
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", 3);
    wait_for_waiting(&soiree, 3);
    blocker.release();
    blocker.release();
    let delivered: u64 = waiting.iter().map(|one| wait(one).delivered()).sum();
    assert_eq!((wait(&first).delivered(), delivered), (1, 1));
    assert!(soiree.is_empty());
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// L11: calls that wait when the listener is removed are still made, once each; later emissions do not call it.
#[test]
fn calls_that_wait_outlive_the_subscription() {
    let soiree = with_workers(2);
    let (block, blocker) = Blocker::new();
    let id = soiree.on_with("a", limit(1), move |_| block()).unwrap();
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", 2);
    wait_for_waiting(&soiree, 2);
    soiree.off("a", &id).unwrap();
    assert_eq!(wait(&soiree.emit("a", ()).unwrap()).delivered(), 0);
    for _ in 0..3 {
        blocker.release();
    }
    assert_eq!(wait(&first).delivered(), 1);
    assert!(
        waiting
            .iter()
            .all(|emission| wait(emission).delivered() == 1)
    );
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5: a limit of zero is an error, and says which option is wrong.
#[test]
fn a_limit_of_zero_is_rejected() {
    let soiree = with_workers(1);
    let zero = [
        limit(0),
        ListenerOptions::new().max_concurrent_by(0, |_| Some(1)),
    ];
    for options in zero {
        let error = soiree.on_with("a", options, |_| ()).unwrap_err();
        assert_eq!(error, SubscribeError::ZeroConcurrent);
        assert!(error.to_string().starts_with("max_concurrent(0) "));
    }
    let id = soiree.on_with("a", limit(7), |_| ()).unwrap();
    let listeners = soiree.listeners_for("a").unwrap();
    assert_eq!(listeners[0].max_concurrent, Some(7));
    soiree.off("a", &id).unwrap();
    soiree.close().unwrap();
}

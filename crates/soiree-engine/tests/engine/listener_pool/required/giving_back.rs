//! Places that are kept while they are needed, and given back when they are not.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use soiree::{EventPool, KeyOrder, Overflow};
use soiree_core::{Job, ListenerOptions, Pool, Priority};
use soiree_testkit::{ManualPool, ManualTimer};

use super::{count, manual, required};
use crate::support::{Blocker, wait_until, worker_pool};

/// L10: a place is given back when it is known that the listener is not submitted to its pool.
#[test]
fn a_place_that_is_not_needed_is_given_back() {
    let reserved = |own: &ManualPool| own.stats().reserved;
    // The event is aborted.
    let (soiree, default, own) = manual(1);
    soiree
        .on_with("a", Priority::Highest, |event| event.set_aborted(true))
        .unwrap();
    let calls = count(&soiree, required());
    let emission = soiree.emit("a", ()).unwrap();
    assert!(soiree.emit("a", ()).unwrap_err().is_full());
    assert_eq!(reserved(&own), 1);
    default.run_next();
    assert_eq!((emission.wait().is_aborted(), reserved(&own)), (true, 0));
    assert!(soiree.emit_sync("a", ()).unwrap().is_aborted());
    assert_eq!((reserved(&own), calls.load(Ordering::SeqCst)), (0, 0));

    // The emission is discarded.
    let discarded = soiree.emit("a", ()).unwrap();
    assert_eq!(reserved(&own), 1);
    default.discard_next();
    assert_eq!(reserved(&own), 0);
    assert!(discarded.wait().is_discarded());

    // The listener is removed.
    let (soiree, default, own) = manual(2);
    let id = soiree.on_with("a", required(), |_| {}).unwrap();
    soiree.emit("a", ()).unwrap();
    soiree.off("a", &id).unwrap();
    soiree.emit("a", ()).unwrap();
    assert_eq!(reserved(&own), 1, "nobody requires a place any more");
    default.run_all();
    assert_eq!(reserved(&own), 0);

    // It has had its last run.
    let once = count(&soiree, required().once());
    let emissions = [(); 2].map(|()| soiree.emit("a", ()).unwrap());
    assert_eq!(reserved(&own), 2);
    default.run_next();
    own.run_all();
    default.run_next();
    own.run_all();
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!((once.load(Ordering::SeqCst), reserved(&own)), (1, 0));
}

/// L10: an emission whose own pool rejects it, or whose key does, keeps no place.
#[test]
fn an_emission_that_is_rejected_for_another_reason_keeps_no_place() {
    let own = ManualPool::with_capacity(8);
    let default = ManualPool::with_capacity(1);
    let soiree = EventPool::builder()
        .pool(default.clone())
        .bulkhead("own", own.clone())
        .ordered(
            "key.*",
            KeyOrder::by(|_| Some(1))
                .capacity(1)
                .overflow(Overflow::Reject),
        )
        .build()
        .unwrap();
    soiree.on_with("**", required(), |_| {}).unwrap();
    let accepted = [
        soiree.emit("key.a", ()).unwrap(),
        soiree.emit("key.b", ()).unwrap(),
    ];
    assert_eq!(own.stats().reserved, 2);
    let by_key = soiree.emit("key.c", ()).unwrap_err();
    let by_pool = soiree.emit("a", ()).unwrap_err();
    assert_eq!((by_key.pool(), by_pool.pool()), (None, Some("default")));
    assert_eq!(own.stats().reserved, 2, "the errors hold the payloads only");
    while default.run_next() || own.run_next() {}
    assert!(accepted.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!((own.stats().reserved, own.stats().successful), (0, 2));
}

/// L10: an emit gets all places or none.
#[test]
fn an_emit_that_gets_only_some_places_gives_them_back() {
    let (one, other) = (ManualPool::with_capacity(2), ManualPool::with_capacity(1));
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .bulkhead("one", one.clone())
        .bulkhead("other", other.clone())
        .build()
        .unwrap();
    for name in ["one", "other"] {
        let _ = count(&soiree, required().pool(name));
    }
    let accepted = soiree.emit("a", ()).unwrap();
    assert_eq!(soiree.emit("a", ()).unwrap_err().pool(), Some("other"));
    assert_eq!((one.stats().reserved, other.stats().reserved), (1, 1));
    drop(accepted);
}

/// L10: places that an aborted event does not need are given back before its other listeners have ended.
#[test]
fn an_abort_gives_places_back_at_once() {
    for on_pool in [false, true] {
        let late = ManualPool::with_capacity(1);
        let soiree = EventPool::builder()
            .pool(worker_pool("default", 1, 4))
            .bulkhead("own", worker_pool("own", 1, 4))
            .bulkhead("late", late.clone())
            .build()
            .unwrap();
        let first = required().priority(Priority::Highest);
        let blocker = Blocker::on(&soiree, "a", first);
        let (abort, may_abort) = channel::<()>();
        let may_abort = Mutex::new(may_abort);
        soiree
            .on_with("a", Priority::High, move |event| {
                may_abort.lock().unwrap().recv().unwrap();
                event.set_aborted(true);
            })
            .unwrap();
        let calls = count(&soiree, required().pool("late"));
        let emitter = soiree.clone();
        let emission = thread::spawn(move || match on_pool {
            true => emitter.emit("a", ()).unwrap().wait(),
            false => emitter.emit_sync("a", ()).unwrap(),
        });
        blocker.wait_started();
        assert_eq!(late.stats().reserved, 1);
        abort.send(()).unwrap();
        wait_until("the place is given back", || late.stats().reserved == 0);
        assert!(!emission.is_finished());
        blocker.release();
        assert!(emission.join().unwrap().is_aborted());
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        soiree.close().unwrap();
    }
}

/// L9, L10: the place is kept while a listener that comes before is called for too long.
#[test]
fn a_place_is_kept_over_a_timeout() {
    let own = ManualPool::with_capacity(1);
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .bulkhead("own", own.clone())
        .timer(timer.clone())
        .build()
        .unwrap();
    let limit = Duration::from_secs(1);
    let slow = ListenerOptions::from(Priority::Highest).timeout(limit);
    let blocker = Blocker::on(&soiree, "a", slow);
    let calls = count(&soiree, required());
    let emission = soiree.emit("a", ()).unwrap();
    blocker.wait_started();
    assert!(own.try_submit(Job::new(|| {})).is_err());
    timer.advance(limit);
    wait_until("the listener is submitted", || own.pending() == 1);
    assert_eq!((own.run_all(), own.stats().reserved), (1, 0));
    let report = emission.wait();
    assert_eq!((report.timed_out(), report.not_called()), (1, 0));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    drop(blocker);
    soiree.close().unwrap();
}

/// L10, E4: neither a drained bulkhead nor a close waits for places that are reserved. The listener is called all the same.
#[test]
fn closing_does_not_wait_for_places() {
    let default = ManualPool::new();
    let soiree = EventPool::builder()
        .pool(default.clone())
        .bulkhead("own", worker_pool("own", 1, 1))
        .build()
        .unwrap();
    let calls = count(&soiree, required());
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!(soiree.stats().get("own").unwrap().reserved, 1);
    soiree.drain_bulkhead("own").unwrap();
    default.run_all();
    assert!(emission.wait().is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    soiree
        .add_bulkhead("own", worker_pool("own", 1, 1))
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    let closing = thread::spawn({
        let soiree = soiree.clone();
        move || soiree.close()
    });
    default.run_all();
    assert!(emission.wait().is_ok());
    wait_until("the emit is rejected", || {
        default.run_all();
        closing.is_finished()
    });
    closing.join().unwrap().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// L10, L9: after a timeout, another thread calls the listeners that remain. When it has, it gives back the places that they did not
/// need, though listeners on other pools still run.
#[test]
fn places_are_given_back_after_the_listeners_that_a_timeout_left() {
    const LIMIT: Duration = Duration::from_secs(30);

    let (timer, late) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 4))
        .bulkhead("own", worker_pool("own", 1, 4))
        .bulkhead("late", late.clone())
        .timer(timer.clone())
        .build()
        .unwrap();
    let elsewhere = ListenerOptions::new()
        .pool("own")
        .priority(Priority::Highest);
    let running = Blocker::on(&soiree, "a", elsewhere);
    let limited = ListenerOptions::new()
        .priority(Priority::High)
        .timeout(LIMIT);
    let slow = Blocker::on(&soiree, "a", limited);
    soiree.on("a", |event| event.set_aborted(true)).unwrap();
    let required = required().pool("late").priority(Priority::Low);
    let calls = count(&soiree, required);
    let emission = soiree.emit("a", ()).unwrap();
    running.wait_started();
    slow.wait_started();
    assert_eq!(late.stats().reserved, 1);
    timer.advance(LIMIT);
    wait_until("the place is given back", || late.stats().reserved == 0);
    assert!(!emission.is_finished());
    running.release();
    let report = emission.wait();
    assert_eq!((report.timed_out(), report.is_aborted()), (1, true));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    slow.release();
    soiree.close().unwrap();
}

//! Which emits are accepted, and which listeners they call.

use std::sync::atomic::Ordering;
use std::thread;

use soiree::{EventPool, WhenPoolFull};
use soiree_core::{Job, ListenerOptions, Pool, Priority, SubmitErrorReason, SubscribeError};
use soiree_testkit::ManualPool;

use super::{count, manual, required};
use crate::async_listener::common::{HeldListeners, async_stats, runtime, with_async};
use crate::support::{Blocker, PlainPool, TIME_LIMIT, wait_until, worker_pool};

/// L10: an emit without a place for a listener that requires one is rejected before any listener is called. The payload comes back, and
/// the error names the pool.
#[test]
fn an_emit_without_a_place_is_rejected_and_calls_nobody() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 16))
        .bulkhead("own", worker_pool("own", 1, 1))
        .build()
        .unwrap();
    let first = count(&soiree, Priority::Highest);
    let blocker = Blocker::on(&soiree, "a", required());
    let runs = soiree.emit("a", 1).unwrap();
    blocker.wait_started();
    let waits = soiree.emit("a", 2).unwrap();
    let on_pool = soiree.emit("a", 3).unwrap_err();
    let emitter = soiree.clone();
    let here = thread::spawn(move || emitter.emit_sync("a", 3));
    wait_until("emit_sync returns", || here.is_finished());
    let here = here.join().unwrap().unwrap_err();
    for error in [on_pool, here] {
        assert!(error.is_full(), "{error}");
        assert_eq!(error.pool(), Some("own"));
        let text = "the bulkhead own rejected a: the queue is full (1 waiting)";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.into_payload().get::<i32>().as_deref(), Some(&3));
    }
    blocker.release();
    blocker.release();
    for emission in [runs, waits] {
        assert_eq!(emission.wait().delivered(), 2);
    }
    assert_eq!(first.load(Ordering::SeqCst), 2);
    let own = soiree.stats().get("own").copied().unwrap();
    assert_eq!((own.rejected, own.reserved, own.submitted), (0, 0, 2));
    soiree.close().unwrap();
}

/// L10: the listener of an emit that was accepted is called, although others fill its pool before the emission runs.
#[test]
fn an_accepted_emit_keeps_its_place_while_others_fill_the_pool() {
    let (soiree, default, own) = manual(2);
    let calls = count(&soiree, required());
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!((own.stats().reserved, own.stats().waiting), (1, 0));
    assert!(own.try_submit(Job::new(|| {})).is_ok());
    let rejected = own.try_submit(Job::new(|| {})).unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::Full { capacity: 2 }
    ));
    own.requeue(Job::new(|| {})).unwrap();
    assert!(default.run_next());
    let stats = own.stats();
    assert_eq!((stats.reserved, stats.waiting, stats.requeued), (0, 2, 1));
    assert_eq!(soiree.stats().waiting_calls, 0);
    assert_eq!(own.run_all(), 3);
    assert_eq!((emission.wait().delivered(), own.stats().rejected), (1, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// L10: where the listener runs like any other, no place is reserved.
#[test]
fn a_listener_on_the_pool_of_the_emission_needs_no_place() {
    let (soiree, default, own) = manual(1);
    soiree.add_route("a", "own").unwrap();
    let calls = count(&soiree, required());
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!((own.stats().waiting, own.stats().reserved), (1, 0));
    assert_eq!((own.run_all(), default.pending()), (1, 0));
    assert!(emission.wait().is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// L6, L10: a pool that is closed has no places, and needs none: the listener runs where the emission does.
#[test]
fn a_listener_whose_pool_is_closed_needs_no_place() {
    let (soiree, default, own) = manual(1);
    let calls = count(&soiree, required());
    own.stop();
    let emission = soiree.emit("a", ()).unwrap();
    default.run_next();
    assert_eq!(emission.wait().delivered(), 1);
    assert_eq!(soiree.emit_sync("a", ()).unwrap().delivered(), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// L10: without its pool, an async listener cannot run, and the emit is rejected.
#[test]
fn an_async_listener_without_a_pool_rejects_the_emit() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 1);
    let options = ListenerOptions::new().when_full(WhenPoolFull::Required);
    let held = HeldListeners::on_with(&soiree, "a", options);
    let first = soiree.emit("a", ()).unwrap();
    held.started.recv_timeout(TIME_LIMIT).unwrap();
    let second = soiree.emit("a", ()).unwrap();
    wait_until("the second waits", || {
        async_stats(&soiree).waiting == 1 || async_stats(&soiree).reserved == 1
    });
    let full = soiree.emit("a", ()).unwrap_err();
    assert_eq!((full.is_full(), full.pool()), (true, Some("async")));
    held.permits.add_permits(2);
    assert!(first.wait().is_ok() && second.wait().is_ok());
    soiree.drain_bulkhead("async").unwrap();
    let error = soiree.emit("a", 7).unwrap_err();
    assert_eq!((error.is_full(), error.pool()), (false, Some("async")));
    assert_eq!(error.into_payload().get::<i32>().as_deref(), Some(&7));
    soiree.close().unwrap();
}

/// L10: a listener that is subscribed after the emit waits for a place.
#[test]
fn a_listener_that_is_subscribed_after_the_emit_waits() {
    let (soiree, default, own) = manual(1);
    let emission = soiree.emit("a", ()).unwrap();
    let calls = count(&soiree, required());
    own.submit(Job::new(|| {})).unwrap();
    default.run_next();
    assert_eq!(soiree.stats().waiting_calls, 1);
    assert_eq!(own.run_all(), 2);
    assert!(emission.wait().is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// L10: with many emitters, the listener is called exactly once for each emit that was accepted, its pool rejects none of the calls, and no
/// place is lost.
#[test]
fn each_accepted_emit_is_one_call_under_contention() {
    const EMITTERS: usize = 4;
    const EMITS: usize = 500;
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 2, 64))
        .bulkhead("own", worker_pool("own", 2, 3))
        .build()
        .unwrap();
    let (before, calls) = (count(&soiree, Priority::High), count(&soiree, required()));
    let rejected: usize = thread::scope(|scope| {
        let emit = || {
            let mut rejected = 0;
            for number in 0..EMITS {
                let emitted = match number % 2 {
                    0 => soiree.emit("a", number).map(drop),
                    _ => soiree.emit_sync("a", number).map(|report| {
                        assert_eq!((report.delivered(), report.not_called()), (2, 0));
                    }),
                };
                if let Err(error) = emitted {
                    assert!(error.is_full() && error.pool() == Some("own"), "{error}");
                    assert_eq!(
                        error.into_payload().get::<usize>().as_deref(),
                        Some(&number)
                    );
                    rejected += 1;
                }
            }
            rejected
        };
        let emitters: Vec<_> = (0..EMITTERS).map(|_| scope.spawn(emit)).collect();
        let joined = emitters.into_iter().map(|emitter| emitter.join().unwrap());
        joined.sum()
    });
    let accepted = EMITTERS * EMITS - rejected;
    wait_until("all have ended", || soiree.stats().in_flight == 0);
    assert_eq!(before.load(Ordering::SeqCst), accepted);
    assert_eq!(calls.load(Ordering::SeqCst), accepted);
    let own = soiree.stats().get("own").copied().unwrap();
    assert_eq!((own.rejected, own.reserved, own.waiting), (0, 0, 0));
    assert_eq!(own.submitted, accepted as u64);
    soiree.close().unwrap();
}

/// L10: a pool that can never reserve a place is an error when the listener is subscribed. The error names the pool.
#[test]
fn a_pool_that_reserves_no_places_is_an_error_of_subscribing() {
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .bulkhead("none", ManualPool::with_capacity(0))
        .bulkhead("threads", worker_pool("threads", 1, 0))
        .bulkhead("plain", PlainPool(ManualPool::new()))
        .build()
        .unwrap();
    for name in ["none", "threads", "plain"] {
        let error = soiree
            .on_with("a", required().pool(name), |_| {})
            .unwrap_err();
        let pool = name.into();
        assert_eq!(error, SubscribeError::ReservesNoPlaces { pool });
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
    let unaffected = ListenerOptions::new().when_full(WhenPoolFull::Required);
    soiree.on_with("a", unaffected, |_| {}).unwrap();
}

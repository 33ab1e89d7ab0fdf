//! Listeners that require a place in their own pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use soiree::{EventPool, KeyOrder, WhenPoolFull};
use soiree_core::{
    DrainTimeout, Event, Job, ListenerOptions, Pool, PoolStats, Priority, Reservation,
    ReservedPlace, SubmitError, SubmitErrorReason, SubscribeError,
};
use soiree_testkit::{ManualPool, ManualTimer};

use crate::async_listener::common::{HeldListeners, async_stats, runtime, with_async};
use crate::support::{Blocker, PlainPool, TIME_LIMIT, wait_until, worker_pool};

fn required() -> ListenerOptions {
    ListenerOptions::new()
        .pool("own")
        .when_full(WhenPoolFull::Required)
}

/// An event pool on pools that run what the test says. The bulkhead `own` has this many places.
fn manual(places: usize) -> (EventPool, ManualPool, ManualPool) {
    let (default, own) = (ManualPool::new(), ManualPool::with_capacity(places));
    let soiree = EventPool::builder()
        .pool(default.clone())
        .bulkhead("own", own.clone())
        .build()
        .unwrap();
    (soiree, default, own)
}

/// Counts the calls of a listener.
fn count(soiree: &EventPool, options: impl Into<ListenerOptions>) -> Arc<AtomicUsize> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = move |_: &dyn Event| {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    soiree.on_with("a", options, listener).unwrap();
    calls
}

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
        assert_eq!(emission.wait().delivered, 2);
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
    assert_eq!((emission.wait().delivered, own.stats().rejected), (1, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

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
    assert_eq!((emission.wait().aborted, reserved(&own)), (true, 0));
    assert!(soiree.emit_sync("a", ()).unwrap().aborted);
    assert_eq!((reserved(&own), calls.load(Ordering::SeqCst)), (0, 0));

    // The emission is discarded.
    let discarded = soiree.emit("a", ()).unwrap();
    assert_eq!(reserved(&own), 1);
    default.discard_next();
    assert_eq!(reserved(&own), 0);
    assert!(discarded.wait().discarded);

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
                .overflow(soiree::Overflow::Reject),
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
    assert_eq!(emission.wait().delivered, 1);
    assert_eq!(soiree.emit_sync("a", ()).unwrap().delivered, 1);
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
        let (abort, may_abort) = std::sync::mpsc::channel::<()>();
        let may_abort = std::sync::Mutex::new(may_abort);
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
        assert!(emission.join().unwrap().aborted);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        soiree.close().unwrap();
    }
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
    let limit = std::time::Duration::from_secs(1);
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
    assert_eq!((report.timed_out, report.not_called), (1, 0));
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
                        assert_eq!((report.delivered, report.not_called), (2, 0));
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

/// What a hostile pool does.
#[derive(Clone, Copy, PartialEq)]
enum Panics {
    Reserve,
    Submit,
    Drop,
}

/// A pool that panics where a place is reserved, used or dropped.
struct Hostile {
    pool: ManualPool,
    panics: Panics,
}

struct HostilePlace {
    place: Option<Reservation>,
    panics: Panics,
}

impl ReservedPlace for HostilePlace {
    fn submit(mut self: Box<Self>, job: Job) -> Result<(), SubmitError> {
        assert!(self.panics != Panics::Submit, "a place that panics");
        let place = self.place.take().unwrap();
        place.submit(job)
    }
}

impl Drop for HostilePlace {
    fn drop(&mut self) {
        drop(self.place.take());
        assert!(self.panics != Panics::Drop, "a place that panics");
    }
}

impl Pool for Hostile {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.pool.submit(job)
    }
    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.pool.try_submit(job)
    }
    fn try_reserve(&self) -> Result<Reservation, SubmitErrorReason> {
        let panics = self.panics;
        assert!(panics != Panics::Reserve, "a pool that panics");
        let hostile = |place| {
            let place = Some(place);
            Reservation::new(HostilePlace { place, panics })
        };
        self.pool.try_reserve().map(hostile)
    }
    fn reserves_places(&self) -> bool {
        true
    }
    fn stop(&self) {
        self.pool.stop();
    }
    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.pool.release_with_deadline(deadline)
    }
    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }
}

fn hostile(panics: Panics) -> (EventPool, ManualPool, ManualPool) {
    let (default, own) = (ManualPool::new(), ManualPool::with_capacity(4));
    let pool = own.clone();
    let soiree = EventPool::builder()
        .pool(default.clone())
        .bulkhead("own", Hostile { pool, panics })
        .build()
        .unwrap();
    (soiree, default, own)
}

/// E8, L10: a pool that panics when a place is reserved rejects the emit. No listener is called.
#[test]
fn a_pool_that_panics_instead_of_reserving_rejects_the_emit() {
    let (soiree, default, _own) = hostile(Panics::Reserve);
    let calls = count(&soiree, required());
    let error = soiree.emit("a", 7).unwrap_err();
    assert_eq!(error.pool(), Some("own"));
    assert!(!error.is_full());
    assert!(error.to_string().contains("a pool that panics"), "{error}");
    assert!(soiree.emit_sync("a", 7).is_err());
    assert_eq!((default.pending(), calls.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(soiree.stats().in_flight, 0);
}

/// E8, L10: a place that panics when it is used or dropped costs its own listener at most.
#[test]
fn a_place_that_panics_costs_its_own_listener_at_most() {
    for (panics, own_calls) in [(Panics::Submit, 0), (Panics::Drop, 1)] {
        let (soiree, default, own) = hostile(panics);
        let first = count(&soiree, Priority::Highest);
        let last = count(&soiree, Priority::Lowest);
        let calls = count(&soiree, required());
        let emission = soiree.emit("a", ()).unwrap();
        default.run_next();
        own.run_all();
        let report = emission.wait();
        let not_called = 1 - own_calls as u64;
        assert_eq!(
            (report.delivered, report.not_called),
            (3 - not_called, not_called)
        );
        soiree
            .on_with("a", Priority::Highest, |event| event.set_aborted(true))
            .unwrap();
        let aborted = soiree.emit("a", ()).unwrap();
        default.run_next();
        assert!(aborted.wait().aborted);
        assert_eq!(own.stats().reserved, 0);
        let counts = [&first, &last, &calls].map(|calls| calls.load(Ordering::SeqCst));
        assert_eq!(counts, [2, 1, own_calls]);
    }
}

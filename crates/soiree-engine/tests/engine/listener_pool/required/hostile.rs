//! Pools that panic where a place is reserved, used or dropped.

use std::sync::atomic::Ordering;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{
    DrainTimeout, Job, Pool, PoolStats, Priority, Reservation, ReservedPlace, SubmitError,
    SubmitErrorReason,
};
use soiree_testkit::ManualPool;

use super::{count, required};

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
            (report.delivered(), report.not_called()),
            (3 - not_called, not_called)
        );
        soiree
            .on_with("a", Priority::Highest, |event| event.set_aborted(true))
            .unwrap();
        let aborted = soiree.emit("a", ()).unwrap();
        default.run_next();
        assert!(aborted.wait().is_aborted());
        assert_eq!(own.stats().reserved, 0);
        let counts = [&first, &last, &calls].map(|calls| calls.load(Ordering::SeqCst));
        assert_eq!(counts, [2, 1, own_calls]);
    }
}

//! Bulkheads that go, and pools that do what they may do and seldom do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{
    BulkheadError, DrainTimeout, Job, ListenerOptions, Pool, PoolStats, Priority, SubmitError,
    SubscribeError,
};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;

use soiree_testkit::{ManualPool, Recorder};

use crate::listener_pool::{held, on_http, pool, with_http};
use crate::support::{BoxResult, PATIENCE, both_ways};

/// A pool that does to jobs what a pool of one's own may do.
struct Wrapping {
    pool: WorkerPool,
    panics: bool,
}

impl Pool for Wrapping {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.pool.submit(move || drop(job.run()))
    }
    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        assert!(!self.panics, "a pool that panics");
        self.pool.try_submit(move || drop(job.run()))
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
    fn on_worker(&self) -> bool {
        self.pool.on_worker()
    }
}

/// L6: a pool that panics is a pool that refuses; the other listeners are called, and all is told.
#[test]
fn a_pool_that_panics_costs_one_listener() {
    let pool = pool("http", 1, 4);
    let soiree = EventPool::builder()
        .bulkhead("http", Wrapping { pool, panics: true })
        .build()
        .unwrap();
    soiree.on_with("a.b", Priority::High, |_| {}).unwrap();
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    soiree.on_with("a.b", Priority::Low, |_| {}).unwrap();
    both_ways(&soiree, "a.b", |report| {
        assert_eq!(
            (report.delivered, report.not_called, report.errors.len()),
            (2, 1, 1)
        );
    });
    soiree.close().unwrap();
}

/// E4: an emitter that waits for a place as the bulkhead is drained goes elsewhere, also if the pool wraps its jobs.
#[test]
fn a_drain_hands_on_what_a_wrapping_pool_gives_back() {
    let pool = pool("own", 1, 1);
    let soiree = EventPool::builder()
        .bulkhead(
            "own",
            Wrapping {
                pool,
                panics: false,
            },
        )
        .route("own.*", "own")
        .build()
        .unwrap();
    let (running, go) = held(&soiree, "own.hold", ListenerOptions::new());
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on("own.x", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree.emit("own.hold", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    soiree.emit("own.x", ()).unwrap();
    thread::scope(|scope| {
        let emitter = scope.spawn(|| soiree.emit("own.x", ()).unwrap().wait());
        let drain = scope.spawn(|| soiree.drain_bulkhead("own").unwrap());
        assert_eq!(emitter.join().unwrap().delivered, 1);
        drop(go);
        drain.join().unwrap();
    });
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

/// E4: close waits for listeners elsewhere, refuses to run inside one, and a bulkhead that is gone runs nobody.
#[test]
fn close_waits_for_listeners_elsewhere() {
    let soiree = with_http(1, 16);
    let ran = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&ran), soiree.downgrade());
    soiree
        .on_with("a.b", on_http(), move |_| {
            assert!(weak.upgrade().unwrap().close().is_err());
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    for _ in 0..5 {
        soiree.emit("a.b", ()).unwrap();
    }
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 5);
}

/// L6: a listener whose bulkhead was drained runs with the others; one that names no bulkhead is refused.
#[test]
fn a_listener_outlives_its_bulkhead() {
    let soiree = with_http(1, 4);
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    soiree.drain_bulkhead("http").unwrap();
    both_ways(&soiree, "a.b", |report| {
        assert!(report.is_ok() && report.delivered == 1)
    });
    let refused = soiree.on_with("a.b", on_http(), |_| {}).unwrap_err();
    assert!(matches!(
        &refused,
        SubscribeError::UnknownPool(BulkheadError::Unknown { name, .. }) if &**name == "http"
    ));
    soiree
        .on_with("a.b", ListenerOptions::new().pool("default"), |_| {})
        .unwrap();
    both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered, 2));
    let shared = Arc::new(pool("shared", 1, 4));
    soiree.add_bulkhead("shared", Arc::clone(&shared)).unwrap();
    soiree
        .on_with("a.b", ListenerOptions::new().pool("shared"), |_| {})
        .unwrap();
    shared.stop();
    both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered, 3));
    soiree.close().unwrap();
}

/// E3, E6: each emission ends as its own job does, in whichever order the pool gets to them.
#[test]
fn emissions_end_in_the_order_in_which_their_jobs_do() -> BoxResult {
    let pool = ManualPool::with_capacity(3);
    let soiree = EventPool::with_pool(pool.clone());
    let heard = Recorder::new();
    soiree.listen("t.*", ListenerOptions::new(), heard.clone())?;
    let emissions = [
        soiree.emit("t.a", 1)?,
        soiree.emit("t.b", 2)?,
        soiree.emit("t.c", 3)?,
    ];
    let finished = || {
        emissions
            .each_ref()
            .map(soiree_engine::Emission::is_finished)
    };
    let full = soiree.emit("t.d", 4).unwrap_err();
    assert!(matches!(full, EmitError::Rejected { .. }));
    assert!(pool.run_newest());
    assert_eq!(finished(), [false, false, true]);
    assert!(pool.discard_next());
    assert_eq!(finished(), [true, false, true]);
    assert!(emissions[0].wait().discarded);
    assert_eq!(pool.run_all(), 1);
    assert_eq!(emissions[1].wait().delivered, 1);
    heard.heard_exactly(["t.c", "t.b"]);
    heard.heard("t.b").once().with(&2);
    Ok(())
}

//! Listeners whose pool rejects or drops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{
    BulkheadError, DrainTimeout, Job, ListenerErrorKind, ListenerOptions, Overflow, Pool,
    PoolStats, Priority, SubmitError, SubmitErrorReason, SubscribeError,
};
use soiree_engine::Report;
use soiree_pool::WorkerPool;

use super::{on_http, with_http};
use crate::support::{Blocker, emit_both_ways, wait_until, worker_pool};

/// L6: if its pool rejects a listener, the report has the error, the others run, and the emission does not wait.
#[test]
fn a_listener_that_its_pool_rejects_is_in_the_report() {
    for overflow in [Overflow::Block, Overflow::Reject, Overflow::CallerRuns] {
        let http = WorkerPool::builder().max_workers(1).capacity(0);
        let soiree = EventPool::builder()
            .bulkhead("http", http.overflow(overflow).build().unwrap())
            .build()
            .unwrap();
        let blocker = Blocker::on(&soiree, "block", on_http());
        let holding = soiree.emit("block", ()).unwrap();
        blocker.wait_started();
        soiree
            .on_with("a.b", on_http().name("web"), |_| {})
            .unwrap();
        soiree.on("a.b", |_| {}).unwrap();
        emit_both_ways(&soiree, "a.b", |report: Report| {
            assert_eq!(
                (report.delivered(), report.failed(), report.not_called()),
                (1, 0, 1)
            );
            let error = &report.errors()[0];
            assert_eq!(
                (error.kind(), error.name()),
                (ListenerErrorKind::Rejected, Some("web"))
            );
            let text = error.to_string();
            assert!(text.starts_with("listener web on a.b "), "{text}");
            assert!(text.contains(" was not called for a.b: "), "{text}");
            let reason = std::error::Error::source(error).unwrap().downcast_ref();
            assert!(matches!(
                reason,
                Some(SubmitErrorReason::Full { capacity: 0 })
            ));
        });
        drop(blocker);
        holding.wait();
        soiree.close().unwrap();
    }
}

/// L6, E6: a listener that its pool drops still ends the emission.
#[test]
fn a_listener_that_its_pool_drops_is_in_the_report() {
    let http = WorkerPool::builder().max_workers(1).capacity(1);
    let soiree = EventPool::builder()
        .bulkhead("http", http.overflow(Overflow::DropOldest).build().unwrap())
        .error_handler(|event, error| {
            assert_eq!(event.topic(), error.topic());
            Some(error)
        })
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "block", on_http());
    soiree.emit("block", ()).unwrap();
    blocker.wait_started();
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    let dropped = soiree.emit("a.b", ()).unwrap();
    wait_until("its listener waits", || {
        soiree.stats().get("http").unwrap().waiting == 1
    });
    let kept = soiree.emit("a.b", ()).unwrap();
    let report = dropped.wait();
    assert_eq!((report.delivered(), report.not_called()), (0, 1));
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Discarded);
    drop(blocker);
    assert!(kept.wait().is_ok());
    soiree.close().unwrap();
}

/// A pool that wraps jobs into closures, or panics.
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

/// L6: a pool that panics counts as one that rejects: the other listeners are called, and the report has the error.
#[test]
fn a_pool_that_panics_costs_one_listener() {
    let pool = worker_pool("http", 1, 4);
    let soiree = EventPool::builder()
        .bulkhead("http", Wrapping { pool, panics: true })
        .build()
        .unwrap();
    soiree.on_with("a.b", Priority::High, |_| {}).unwrap();
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    soiree.on_with("a.b", Priority::Low, |_| {}).unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert_eq!(
            (
                report.delivered(),
                report.not_called(),
                report.errors().len()
            ),
            (2, 1, 1)
        );
    });
    soiree.close().unwrap();
}

/// L6: a listener whose bulkhead was drained runs with the others; a new one for that bulkhead is rejected.
#[test]
fn a_listener_outlives_its_bulkhead() {
    let soiree = with_http(1, 4);
    soiree.on_with("a.b", on_http(), |_| {}).unwrap();
    soiree.drain_bulkhead("http").unwrap();
    emit_both_ways(&soiree, "a.b", |report| {
        assert!(report.is_ok() && report.delivered() == 1)
    });
    let rejected = soiree.on_with("a.b", on_http(), |_| {}).unwrap_err();
    assert!(matches!(
        &rejected,
        SubscribeError::UnknownPool(BulkheadError::Unknown { name, .. }) if &**name == "http"
    ));
    soiree
        .on_with("a.b", ListenerOptions::new().pool("default"), |_| {})
        .unwrap();
    emit_both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered(), 2));
    let shared = Arc::new(worker_pool("shared", 1, 4));
    soiree.add_bulkhead("shared", Arc::clone(&shared)).unwrap();
    soiree
        .on_with("a.b", ListenerOptions::new().pool("shared"), |_| {})
        .unwrap();
    shared.stop();
    emit_both_ways(&soiree, "a.b", |report| assert_eq!(report.delivered(), 3));
    soiree.close().unwrap();
}

/// E4: an emit that blocks when the bulkhead is drained goes to another pool, also if the bulkhead's pool wraps its jobs.
#[test]
fn a_drain_moves_an_event_that_a_wrapping_pool_rejects() {
    let pool = worker_pool("own", 1, 1);
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
    let blocker = Blocker::on(&soiree, "own.block", ListenerOptions::new());
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    soiree
        .on("own.x", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    soiree.emit("own.block", ()).unwrap();
    blocker.wait_started();
    soiree.emit("own.x", ()).unwrap();
    thread::scope(|scope| {
        let emitter = scope.spawn(|| soiree.emit("own.x", ()).unwrap().wait());
        let drain = scope.spawn(|| soiree.drain_bulkhead("own").unwrap());
        assert_eq!(emitter.join().unwrap().delivered(), 1);
        drop(blocker);
        drain.join().unwrap();
    });
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

//! Bulkheads and routes that are added, changed and removed while events are emitted.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    DrainTimeout, Job, ListenerOptions, Overflow, Pool, PoolStats, SubmitError, SubmitErrorReason,
};
use soiree_engine::Report;
use soiree_pool::WorkerPool;

use super::routes::ran_on;
use crate::support::{TIME_LIMIT, worker_pool};

const THREADS: usize = 4;
const EACH: u64 = 300;
const ALL: u64 = THREADS as u64 * EACH;

/// Emits from four threads, and calls `change` again and again until they are done. Returns the reports.
fn while_four_threads_emit(soiree: &EventPool, change: impl Fn(usize)) -> Vec<Report> {
    let starting = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let emitters: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    starting.wait();
                    let emissions = (0..EACH).map(|_| soiree.emit("export.csv", ()).unwrap());
                    let emissions: Vec<_> = emissions.collect();
                    let reports = emissions.iter().map(|emission| emission.wait());
                    reports.collect::<Vec<_>>()
                })
            })
            .collect();
        starting.wait();
        let mut round = 0;
        while round < 20 || emitters.iter().any(|emitter| !emitter.is_finished()) {
            change(round);
            round += 1;
        }
        let reports = emitters.into_iter().flat_map(|one| one.join().unwrap());
        reports.collect()
    })
}

fn counting(soiree: &EventPool, options: ListenerOptions) -> Arc<AtomicU64> {
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    soiree
        .on_with("export.*", options, move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    calls
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// E2, P3: four threads emit to a bulkhead while it is added, resized and drained.
#[test]
fn a_bulkhead_that_is_added_and_drained_loses_no_event() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 4))
        .build()
        .unwrap();
    let calls = counting(&soiree, ListenerOptions::new());
    let reports = while_four_threads_emit(&soiree, |round| {
        let bulk = worker_pool("bulk", 1 + round % 3, round % 4);
        soiree.add_bulkhead("bulk", bulk).unwrap();
        soiree.add_route("export.*", "bulk").unwrap();
        soiree.resize_bulkhead("bulk", 4).unwrap();
        soiree.resize_bulkhead("bulk", 1).unwrap();
        if round % 2 == 0 {
            soiree.drain_bulkhead("bulk").unwrap();
        } else {
            soiree.drain_bulkhead_with_deadline("bulk", far()).unwrap();
        }
    });
    assert_eq!(reports.len() as u64, ALL);
    assert!(
        reports
            .iter()
            .all(|report| report.delivered() == 1 && report.is_ok())
    );
    assert_eq!(calls.load(Ordering::SeqCst), ALL);
    soiree.close().unwrap();
}

/// E2: while a route moves from one bulkhead to another and is removed, every event finds a pool.
#[test]
fn a_route_that_changes_loses_no_event() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 4))
        .bulkhead("one", worker_pool("one", 1, 2))
        .bulkhead("two", worker_pool("two", 2, 0))
        .build()
        .unwrap();
    let calls = counting(&soiree, ListenerOptions::new());
    let reports = while_four_threads_emit(&soiree, |round| {
        soiree.add_route("export.*", "one").unwrap();
        soiree.add_route("export.*", "two").unwrap();
        if round % 2 == 0 {
            assert!(soiree.remove_route("export.*"));
        }
    });
    assert!(reports.iter().all(|report| report.delivered() == 1));
    assert_eq!(calls.load(Ordering::SeqCst), ALL);
    soiree.close().unwrap();
    let stats = soiree.stats();
    let successful = stats.pools.iter().map(|(_, stats)| stats.successful);
    assert_eq!(successful.sum::<u64>(), ALL);
}

/// L6, E2: the listener is called for each event, or the report counts that it was not.
#[test]
fn a_listener_whose_bulkhead_is_added_and_drained_loses_no_call() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 4))
        .bulkhead("bulk", worker_pool("bulk", 2, 4))
        .build()
        .unwrap();
    let everywhere = counting(&soiree, ListenerOptions::new());
    let on_bulk = counting(&soiree, ListenerOptions::new().pool("bulk"));
    let reports = while_four_threads_emit(&soiree, |round| {
        soiree.drain_bulkhead("bulk").unwrap();
        let bulk = WorkerPool::builder()
            .name("bulk")
            .max_workers(1 + round % 3);
        let overflow = [Overflow::Block, Overflow::Reject, Overflow::DropOldest][round % 3];
        let bulk = bulk.capacity(round % 4).overflow(overflow).build().unwrap();
        soiree.add_bulkhead("bulk", bulk).unwrap();
        soiree.resize_bulkhead("bulk", 2).unwrap();
    });
    let called: u64 = reports.iter().map(|report| report.delivered()).sum();
    let not_called: u64 = reports.iter().map(|report| report.not_called()).sum();
    assert_eq!(called + not_called, 2 * ALL);
    // No call fails because a bulkhead is closed: its listeners then run with the others.
    for error in reports.iter().flat_map(|report| report.errors()) {
        let reason = error.source().and_then(|source| source.downcast_ref());
        assert!(
            matches!(reason, None | Some(SubmitErrorReason::Full { .. })),
            "{error}"
        );
    }
    assert_eq!(everywhere.load(Ordering::SeqCst), ALL);
    assert_eq!(on_bulk.load(Ordering::SeqCst), called - ALL);
    soiree.close().unwrap();
}

/// A pool that reports each job that arrives, and accepts it only when the test allows it.
struct Hesitant {
    pool: WorkerPool,
    arrived: Sender<()>,
    allowed: Mutex<Receiver<()>>,
}

impl Hesitant {
    fn hesitate(&self) {
        self.arrived.send(()).unwrap();
        let _ = self.allowed.lock().unwrap().recv_timeout(TIME_LIMIT);
    }
}

impl Pool for Hesitant {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.hesitate();
        Pool::submit(&self.pool, job)
    }
    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.hesitate();
        Pool::try_submit(&self.pool, job)
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

/// E2, L6: the job of an emission or of a listener that is being submitted when its bulkhead is drained runs on another pool.
#[test]
fn a_job_submitted_to_a_bulkhead_that_is_drained_meanwhile_runs_on_another_pool() {
    for topic in ["export.csv", "other"] {
        let ((arrived, arrivals), (allow, allowed)) = (channel(), channel());
        let bulk = Hesitant {
            pool: worker_pool("bulk", 1, 4),
            arrived,
            allowed: Mutex::new(allowed),
        };
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 1, 4))
            .bulkhead("bulk", bulk)
            .route("export.*", "bulk")
            .build()
            .unwrap();
        // If the whole emission is routed to the bulkhead, its listener is not submitted on its own.
        let options = ListenerOptions::new().pool("bulk");
        let ran = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&ran);
        soiree
            .on_with(topic, options, move |_| {
                assert_eq!(thread::current().name(), Some("rest-0"));
                count.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
        thread::scope(|scope| {
            let emit = scope.spawn(|| soiree.emit(topic, ()).unwrap().wait());
            arrivals.recv_timeout(TIME_LIMIT).unwrap();
            soiree.drain_bulkhead("bulk").unwrap();
            drop(allow);
            let report = emit.join().unwrap();
            assert!(report.is_ok(), "{report:?}");
            assert_eq!((report.delivered(), report.not_called()), (1, 0));
        });
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        soiree.close().unwrap();
    }
}

/// T1: a drain removes the routes to the bulkhead. The next most specific route wins, and a new bulkhead of the name has none.
#[test]
fn the_routes_to_a_drained_bulkhead_are_removed() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 4))
        .bulkhead("wide", worker_pool("wide", 1, 4))
        .bulkhead("narrow", worker_pool("narrow", 1, 4))
        .route("export.**", "wide")
        .route("export.csv", "narrow")
        .build()
        .unwrap();
    assert_eq!(ran_on(&soiree, "export.csv"), "narrow");
    soiree.drain_bulkhead("narrow").unwrap();
    assert_eq!(ran_on(&soiree, "export.csv"), "wide");
    let narrow = worker_pool("narrow", 1, 4);
    soiree.add_bulkhead("narrow", narrow).unwrap();
    assert_eq!(ran_on(&soiree, "export.csv"), "wide");
    soiree.drain_bulkhead("wide").unwrap();
    assert_eq!(ran_on(&soiree, "export.csv"), "rest");
    soiree.close().unwrap();
}

/// E4: a shared pool stays open after its bulkhead is drained.
#[test]
fn a_shared_pool_runs_the_jobs_it_accepted_after_its_bulkhead_is_drained() {
    let shared = Arc::new(worker_pool("shared", 1, 1_000));
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 4))
        .build()
        .unwrap();
    let calls = counting(&soiree, ListenerOptions::new());
    let reports = while_four_threads_emit(&soiree, |_| {
        soiree.add_bulkhead("shared", Arc::clone(&shared)).unwrap();
        soiree.add_route("export.*", "shared").unwrap();
        soiree.drain_bulkhead("shared").unwrap();
    });
    assert!(reports.iter().all(|report| report.delivered() == 1));
    assert_eq!(calls.load(Ordering::SeqCst), ALL);
    soiree.close().unwrap();
    assert!(shared.submit_and_wait(|| {}).is_ok());
}

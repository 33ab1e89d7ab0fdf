//! A pool that cannot start a thread just now delays accepted work, and does not end it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use soiree::{EventPool, KeyOrder};
use soiree_core::{ListenerOptions, Pool, Retry};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use super::wait_scheduled;
use crate::support::{Blocker, CallLog, wait_until, worker_pool};

const DELAY: Duration = Duration::from_millis(1);

/// A pool with one worker, whose threads cannot be started while `fails` is set, and end as soon as they are idle.
fn flaky() -> (Arc<WorkerPool>, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (fails, failures) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let (fail, count) = (Arc::clone(&fails), Arc::clone(&failures));
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(8)
        .idle_timeout(Duration::from_nanos(1))
        .spawn_handler(move |builder, body| {
            if fail.load(Ordering::SeqCst) {
                AtomicUsize::fetch_add(&count, 1, Ordering::SeqCst);
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            }
            builder.spawn(body).map(drop)
        })
        .build()
        .unwrap();
    (Arc::new(pool), fails, failures)
}

/// E7, P8: a retry that is due while no thread can be started waits until one can.
#[test]
fn a_retry_waits_for_a_thread() {
    let (pool, fails, failures) = flaky();
    let timer = ManualTimer::new();
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("a", options, move |event| {
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    wait_scheduled(&timer, 1);
    wait_until("no thread is idle", || pool.stats().running == 0);
    fails.store(true, Ordering::SeqCst);
    timer.advance(DELAY);
    assert!(failures.load(Ordering::SeqCst) > 0);
    for _ in 0..10 {
        timer.advance_to_next();
    }
    assert!(!emission.is_finished());
    fails.store(false, Ordering::SeqCst);
    timer.advance_to_next();
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.retried(), 1);
    soiree.close().unwrap();
    pool.release();
}

/// E7, L8: an event that waits behind another of its key is handled, although no thread can be started when its turn comes.
#[test]
fn an_event_behind_another_waits_for_a_thread() {
    let (pool, fails, failures) = flaky();
    let soiree = EventPool::builder()
        .pool(Arc::clone(&pool))
        .bulkhead("slow", worker_pool("slow", 1, 4))
        .route("k.slow", "slow")
        .ordered("k.*", KeyOrder::by(|_| Some(7)))
        .build()
        .unwrap();
    let log = CallLog::default();
    let calls = log.clone();
    soiree.on("k.fast", move |_| calls.record("fast")).unwrap();
    let blocker = Blocker::emit(&soiree, "k.slow", ());
    let fast = soiree.emit("k.fast", ()).unwrap();
    wait_until("no thread is idle", || pool.stats().running == 0);
    fails.store(true, Ordering::SeqCst);
    blocker.release();
    wait_until("its turn has come", || {
        failures.load(Ordering::SeqCst) > 0 || pool.stats().requeued > 0
    });
    fails.store(false, Ordering::SeqCst);
    let report = fast.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(log.take(), ["fast"]);
    soiree.close().unwrap();
    pool.release();
}

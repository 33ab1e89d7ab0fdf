//! Waiting until a pool is idle, and looking whether it is closed.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, TIMEOUT, in_time};
use soiree_pool::{Job, Overflow, Pool, WorkerPool};

fn soon() -> Instant {
    Instant::now() + TIMEOUT
}

/// P1: a wait for an idle pool ends with its last job, wherever that ran, and leaves the pool open.
#[test]
fn a_wait_for_an_idle_pool_ends_with_the_last_job() {
    let pool = WorkerPool::builder().max_workers(1).capacity(1);
    let pool = Arc::new(pool.overflow(Overflow::CallerRuns).build().unwrap());
    assert!(pool.wait_idle(Instant::now()), "nothing was submitted");
    for runs_on_caller in [false, true] {
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        pool.requeue(Job::new(|| {})).unwrap();
        assert!(!pool.wait_idle(Instant::now()));
        let caller = runs_on_caller.then(|| {
            let (inner, job) = Latch::job();
            let pool = Arc::clone(&pool);
            let thread = thread::spawn(move || pool.submit(job).unwrap());
            inner.wait_running();
            (inner, thread)
        });
        let (sender, idle) = channel();
        let waiting = Arc::clone(&pool);
        let waiter = thread::spawn(move || {
            sender.send(()).unwrap();
            waiting.wait_idle(soon())
        });
        idle.recv_timeout(TIMEOUT).unwrap();
        latch.open();
        if let Some((inner, thread)) = caller {
            assert!(!pool.wait_idle(Instant::now() + Duration::from_millis(1)));
            inner.open();
            thread.join().unwrap();
        }
        assert!(in_time("it is idle", move || waiter.join().unwrap()));
        let stats = pool.stats();
        assert!(stats.is_idle() && !pool.is_closed(), "{stats:?}");
    }
    assert_eq!(pool.stats().successful, 7);
}

/// P1, P5: what a stop discards is no reason to wait.
#[test]
fn a_stopped_pool_is_idle_when_its_running_jobs_have_ended() {
    let pool = Arc::new(WorkerPool::new(1, 4).unwrap());
    let latch = Latch::block_worker(&pool);
    (0..4).for_each(|_| pool.submit(|| {}).unwrap());
    let waiting = Arc::clone(&pool);
    let waiter = thread::spawn(move || waiting.wait_idle(soon()));
    assert!(!pool.is_closed());
    pool.stop();
    assert!(pool.is_closed());
    latch.open();
    assert!(in_time("it is idle", move || waiter.join().unwrap()));
    assert_eq!(pool.stats().discarded, 4);
}

/// P4: a job never waits for its own end.
#[test]
fn a_worker_does_not_wait_until_its_own_pool_is_idle() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let (sender, waited) = channel();
    let inner = Arc::clone(&pool);
    pool.submit(move || sender.send(inner.wait_idle(soon())).unwrap())
        .unwrap();
    assert_eq!(waited.recv_timeout(TIMEOUT), Ok(false));
}

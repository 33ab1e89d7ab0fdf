//! What the adapter over Tokio adds to what all pools promise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use soiree_tokio::{
    InvalidPoolOptions, Pool, PoolOptions, SubmitErrorReason, TokioPool, WaitError,
};
use tokio::runtime::{Builder, Runtime};

const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::yield_now();
    }
}

fn runtime(blocking_threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(blocking_threads)
        .build()
        .unwrap()
}

fn counting(count: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let count = Arc::clone(count);
    move || {
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// P2: what cannot work is refused, and the error names the value.
#[test]
fn options_that_make_no_sense_are_refused() {
    let runtime = runtime(1);
    let refused = |workers, capacity| {
        TokioPool::new(runtime.handle().clone(), workers, capacity)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(0, 1).contains("max_workers is 0"));
    assert!(refused(usize::MAX, 1).contains(&usize::MAX.to_string()));
    assert!(refused(1, usize::MAX).contains(&usize::MAX.to_string()));
    let nul = PoolOptions::new(1, 1).name("a\0b");
    let error = TokioPool::with_options(runtime.handle().clone(), nul).unwrap_err();
    assert!(matches!(error, InvalidPoolOptions::NulInName { at: 1, .. }));
}

/// P3, P8: a runtime that is gone refuses, and the job comes back.
#[test]
fn a_runtime_that_is_gone_gives_the_job_back() {
    let runtime = runtime(1);
    let pool = TokioPool::new(runtime.handle().clone(), 2, 10).unwrap();
    drop(runtime);
    let ran = Arc::new(AtomicUsize::new(0));
    for count in 1..=3 {
        let refused = pool.submit(counting(&ran)).unwrap_err();
        assert!(
            matches!(refused.reason, SubmitErrorReason::Spawn(_)),
            "{refused}"
        );
        drop(refused.into_job().run());
        assert_eq!(ran.load(Ordering::SeqCst), count);
    }
    let waited = pool.submit_and_wait(counting(&ran)).unwrap_err();
    assert!(matches!(waited, WaitError::Rejected(_)));
    pool.release();
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!((stats.submitted, stats.rejected, stats.active), (0, 4, 0));
}

/// P1, P3, P5: when the runtime ends, each job has run or is discarded, and whoever waits for one wakes.
#[test]
fn a_runtime_that_ends_strands_no_job() {
    for workers in 1..=3 {
        let runtime = runtime(1);
        let pool = TokioPool::new(runtime.handle().clone(), workers, 10).unwrap();
        let (said, running) = channel();
        let (go, told) = channel::<()>();
        pool.submit(move || {
            said.send(()).unwrap();
            let _ = told.recv();
        })
        .unwrap();
        running.recv_timeout(PATIENCE).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            pool.submit(counting(&ran)).unwrap();
        }
        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.submit_and_wait(|| {}));
            until("it waits", || pool.submitted_tasks() == 7);
            runtime.shutdown_background();
            drop(go);
            let waited = waiter.join().unwrap();
            assert!(
                matches!(waited, Ok(()) | Err(WaitError::Discarded)),
                "{waited:?}"
            );
        });
        until("all is over", || {
            let stats = pool.stats();
            stats.active + stats.waiting == 0
        });
        let stats = pool.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!((stats.submitted, stats.failed), (7, 0));
        assert_eq!(stats.successful + stats.discarded, 7);
        // How many ran is the runtime's business: it ends its threads one by one.
        assert!(stats.successful > ran.load(Ordering::SeqCst) as u64);
        assert!(pool.submit(|| {}).is_err());
        pool.release();
    }
}

/// P3: a runtime with fewer blocking threads than the pool has workers runs all the same.
#[test]
fn fewer_threads_than_workers_are_enough() {
    let runtime = runtime(1);
    let pool = TokioPool::new(runtime.handle().clone(), 4, 10).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        pool.submit(counting(&ran)).unwrap();
    }
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 100);
}

/// P2: the limit holds, and can be changed, however many threads the runtime may have.
#[test]
fn no_more_jobs_run_at_once_than_workers() {
    let runtime = runtime(64);
    let pool = TokioPool::new(runtime.handle().clone(), 2, 10).unwrap();
    let both = Arc::new(Barrier::new(3));
    for _ in 0..4 {
        let both = Arc::clone(&both);
        pool.submit(move || {
            both.wait();
        })
        .unwrap();
    }
    assert_eq!((pool.stats().active, pool.stats().waiting), (2, 2));
    assert_eq!((pool.running(), pool.idle_workers()), (2, 0));
    both.wait();
    until("the other two run", || {
        pool.stats().active == 2 && pool.successful_tasks() == 2
    });
    both.wait();
    pool.resize(3).unwrap();
    let three = Arc::new(Barrier::new(4));
    for _ in 0..3 {
        let three = Arc::clone(&three);
        pool.submit(move || {
            three.wait();
        })
        .unwrap();
    }
    three.wait();
    pool.release();
    assert_eq!(pool.successful_tasks(), 7);
}

/// P4: from inside the runtime, on a blocking thread and in a task, nothing deadlocks.
#[test]
fn the_pool_can_be_used_inside_its_runtime() {
    let runtime = runtime(2);
    let pool = Arc::new(TokioPool::new(runtime.handle().clone(), 1, 1).unwrap());
    let ran = Arc::new(AtomicUsize::new(0));
    let (inner, count) = (Arc::clone(&pool), Arc::clone(&ran));
    runtime.block_on(async {
        let blocking = tokio::task::spawn_blocking(move || {
            for _ in 0..10 {
                inner.submit_and_wait(counting(&count)).unwrap();
            }
        });
        blocking.await.unwrap();
        pool.submit_and_wait(counting(&ran)).unwrap();
    });
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 11);
}

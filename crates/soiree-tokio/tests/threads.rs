//! What `TokioPool` adds to the promises of every pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use soiree_tokio::{
    InvalidPoolOptions, Pool, PoolOptions, SubmitErrorReason, TokioPool, WaitError,
};
use tokio::runtime::{Builder, Runtime};

const TIMEOUT: Duration = Duration::from_secs(60);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
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

/// P2: invalid options are rejected, and the error names the value.
#[test]
fn invalid_options_are_rejected() {
    let runtime = runtime(1);
    let error = |workers, capacity| {
        TokioPool::new(runtime.handle().clone(), workers, capacity)
            .unwrap_err()
            .to_string()
    };
    assert!(error(0, 1).contains("max_workers is 0"));
    assert!(error(usize::MAX, 1).contains(&usize::MAX.to_string()));
    assert!(error(1, usize::MAX).contains(&usize::MAX.to_string()));
    let nul = PoolOptions::new(1, 1).name("a\0b");
    let error = TokioPool::with_options(runtime.handle().clone(), nul).unwrap_err();
    assert!(matches!(error, InvalidPoolOptions::NulInName { at: 1, .. }));
}

/// P3, P8: once the runtime is gone, jobs are rejected and returned.
#[test]
fn a_runtime_that_is_gone_returns_the_job() {
    let runtime = runtime(1);
    let pool = TokioPool::new(runtime.handle().clone(), 2, 10).unwrap();
    drop(runtime);
    let ran = Arc::new(AtomicUsize::new(0));
    for count in 1..=3 {
        let rejected = pool.submit(counting(&ran)).unwrap_err();
        assert!(
            matches!(rejected.reason, SubmitErrorReason::Closed),
            "{rejected}"
        );
        drop(rejected.into_job().run());
        assert_eq!(ran.load(Ordering::SeqCst), count);
    }
    let waited = pool.submit_and_wait(counting(&ran)).unwrap_err();
    assert!(matches!(waited, WaitError::Rejected(_)));
    pool.release();
    let stats = pool.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!((stats.submitted, stats.rejected, stats.active), (0, 4, 0));
}

/// P1, P3, P5: when the runtime shuts down, each job runs or is discarded, and threads that wait for a job wake.
#[test]
fn a_runtime_that_shuts_down_strands_no_job() {
    for workers in 1..=3 {
        let runtime = runtime(1);
        let pool = TokioPool::new(runtime.handle().clone(), workers, 10).unwrap();
        let (started, has_started) = channel();
        let (finish, may_finish) = channel::<()>();
        pool.submit(move || {
            started.send(()).unwrap();
            let _ = may_finish.recv();
        })
        .unwrap();
        has_started.recv_timeout(TIMEOUT).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            pool.submit(counting(&ran)).unwrap();
        }
        thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.submit_and_wait(|| {}));
            wait_until("the waiter has submitted its job", || {
                pool.submitted_tasks() == 7
            });
            runtime.shutdown_background();
            drop(finish);
            let waited = waiter.join().unwrap();
            assert!(
                matches!(waited, Ok(()) | Err(WaitError::Discarded)),
                "{waited:?}"
            );
        });
        wait_until("all jobs have ended", || {
            let stats = pool.stats();
            stats.active + stats.waiting == 0
        });
        let stats = pool.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!((stats.submitted, stats.failed), (7, 0));
        assert_eq!(stats.successful + stats.discarded, 7);
        // The runtime ends its threads one by one, so it decides how many of the jobs still run.
        assert!(stats.successful > ran.load(Ordering::SeqCst) as u64);
        assert!(pool.submit(|| {}).is_err());
        pool.release();
    }
}

/// P3: a runtime with fewer blocking threads than the pool has workers runs all jobs.
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

/// P2: the worker limit holds and can be changed, even if the runtime may start more threads.
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
    wait_until("the other two run", || {
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

/// P4: waiting for a job does not deadlock inside the runtime, neither on a blocking thread nor in a task.
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

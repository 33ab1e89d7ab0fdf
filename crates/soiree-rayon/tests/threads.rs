//! What `RayonPool` adds to the promises of every pool.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use soiree_rayon::{Pool, PoolOptions, RayonError, RayonPool, ResizeError, SubmitErrorReason};

const TIMEOUT: Duration = Duration::from_secs(60);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::yield_now();
    }
}

fn rayon_pool(count: usize) -> Arc<rayon::ThreadPool> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(count);
    Arc::new(builder.build().unwrap())
}

/// P2: invalid options are rejected, and the error names the value.
#[test]
fn invalid_options_are_rejected() {
    let message = |result: Result<RayonPool, RayonError>| result.unwrap_err().to_string();
    assert!(message(RayonPool::new(0, 1)).contains("max_workers is 0"));
    assert!(message(RayonPool::new(1 << 16, 1)).contains("max_workers is 65536"));
    assert!(message(RayonPool::new(1, usize::MAX)).contains(&usize::MAX.to_string()));
    let nul = PoolOptions::new(1, 1).name("a\0b");
    assert!(message(RayonPool::with_options(nul)).contains("at byte 1"));
    let shared = RayonPool::shared(rayon_pool(2), PoolOptions::new(3, 1));
    assert!(message(shared).contains("max_workers is 3"));
}

/// P2: the pool has one thread per worker from the start to the end, and the threads have its name.
#[test]
fn an_own_pool_has_as_many_threads_as_workers() {
    let pool = RayonPool::with_options(PoolOptions::new(2, 1).name("sums")).unwrap();
    let (sender, thread_name) = channel();
    pool.submit_and_wait(move || {
        let name = thread::current().name().map(String::from);
        sender.send(name).unwrap();
    })
    .unwrap();
    assert!(thread_name.recv().unwrap().unwrap().starts_with("sums-"));
    let stats = pool.stats();
    assert_eq!(
        (stats.running, stats.min_workers, stats.max_workers),
        (2, 2, 2)
    );
    assert_eq!(pool.resize(3), Err(ResizeError::Fixed { max: 3 }));
    pool.resize(1).unwrap();
    assert_eq!(pool.stats().max_workers, 1);
    pool.release();
    assert_eq!(pool.running(), 0);
}

/// P5: the rayon pool lives until the last accepted job has ended, even if all other handles are dropped.
#[test]
fn a_shared_rayon_pool_lives_until_the_last_job_has_ended() {
    let shared = rayon_pool(1);
    let alive: Weak<rayon::ThreadPool> = Arc::downgrade(&shared);
    let pool = RayonPool::shared(shared, PoolOptions::new(1, 100)).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let ran = Arc::clone(&ran);
        pool.submit(move || {
            ran.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    }
    drop(pool);
    wait_until("the rayon pool is gone", || alive.upgrade().is_none());
    assert_eq!(ran.load(Ordering::SeqCst), 100);
}

/// P2, P4: a rayon thread that runs other work neither waits for the pool of its own threads nor runs submitted jobs beyond the
/// limit.
#[test]
fn a_rayon_thread_never_waits_for_a_pool_on_it() {
    let shared = rayon_pool(1);
    let pool = RayonPool::shared(Arc::clone(&shared), PoolOptions::new(1, 1)).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let count = || {
        let ran = Arc::clone(&ran);
        move || {
            ran.fetch_add(1, Ordering::SeqCst);
        }
    };
    shared.install(|| {
        assert!(pool.on_worker());
        pool.submit(count()).unwrap();
        pool.submit(count()).unwrap();
        let rejected = pool.submit(count()).unwrap_err();
        assert!(matches!(
            rejected.reason,
            SubmitErrorReason::Full { capacity: 1 }
        ));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        pool.submit_and_wait(count()).unwrap();
        pool.release();
    });
    assert_eq!(ran.load(Ordering::SeqCst), 3);
    let stats = pool.stats();
    assert_eq!((stats.successful, stats.rejected, stats.running), (3, 1, 0));
}

/// P5: rayon may run a job of the pool inside another one. If the inner job releases the pool, it does not wait for the outer
/// one.
#[test]
fn a_job_inside_another_may_release_the_pool() {
    let (done, is_done) = channel();
    let shared = rayon_pool(2);
    let pool = Arc::new(RayonPool::shared(Arc::clone(&shared), PoolOptions::new(2, 8)).unwrap());
    // Occupies the other thread, so that both jobs run on the same one.
    let (finish, may_finish) = channel::<()>();
    let (started, has_started) = channel();
    shared.spawn(move || {
        started.send(()).unwrap();
        let _ = may_finish.recv();
    });
    has_started.recv_timeout(TIMEOUT).unwrap();
    let outer_pool = Arc::clone(&pool);
    pool.submit(move || {
        let released = Arc::new(AtomicBool::new(false));
        let (is_released, inner_pool) = (Arc::clone(&released), Arc::clone(&outer_pool));
        outer_pool
            .submit(move || {
                inner_pool.release();
                is_released.store(true, Ordering::SeqCst);
            })
            .unwrap();
        // As a parallel iterator waits for its parts.
        while !released.load(Ordering::SeqCst) {
            rayon::yield_now();
        }
        done.send(()).unwrap();
    })
    .unwrap();
    is_done.recv_timeout(TIMEOUT).unwrap();
    drop(finish);
}

/// P2: with a limit below the number of threads, the other threads are free for other code.
#[test]
fn a_limit_below_the_number_of_threads_leaves_threads_free() {
    let shared = rayon_pool(2);
    let pool = RayonPool::shared(Arc::clone(&shared), PoolOptions::new(1, 10)).unwrap();
    let (finish, may_finish) = channel::<()>();
    pool.submit(move || {
        let _ = may_finish.recv();
    })
    .unwrap();
    for _ in 0..10 {
        pool.submit(|| {}).unwrap();
    }
    let (ran, has_run) = channel();
    shared.spawn(move || ran.send(()).unwrap());
    has_run.recv_timeout(TIMEOUT).unwrap();
    assert_eq!((pool.stats().active, pool.stats().waiting), (1, 10));
    assert_eq!((pool.running(), pool.idle_workers()), (1, 0));
    drop(finish);
    pool.release();
}

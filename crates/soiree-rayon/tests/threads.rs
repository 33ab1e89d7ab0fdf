//! What the adapter over rayon adds to what all pools promise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use soiree_rayon::{Pool, PoolOptions, RayonError, RayonPool, ResizeError, SubmitErrorReason};

const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::yield_now();
    }
}

fn threads(count: usize) -> Arc<rayon::ThreadPool> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(count);
    Arc::new(builder.build().unwrap())
}

/// P2: what cannot work is refused, and the error names the value.
#[test]
fn options_that_make_no_sense_are_refused() {
    let message = |made: Result<RayonPool, RayonError>| made.unwrap_err().to_string();
    assert!(message(RayonPool::new(0, 1)).contains("max_workers is 0"));
    assert!(message(RayonPool::new(1 << 16, 1)).contains("max_workers is 65536"));
    assert!(message(RayonPool::new(1, usize::MAX)).contains(&usize::MAX.to_string()));
    let nul = PoolOptions::new(1, 1).name("a\0b");
    assert!(message(RayonPool::with_options(nul)).contains("at byte 1"));
    let shared = RayonPool::shared(threads(2), PoolOptions::new(3, 1));
    assert!(message(shared).contains("max_workers is 3"));
}

/// P2: threads bear the pool's name; there are as many as workers, and stay so many.
#[test]
fn an_own_pool_has_as_many_threads_as_workers() {
    let pool = RayonPool::with_options(PoolOptions::new(2, 1).name("sums")).unwrap();
    let (said, name) = channel();
    pool.submit_and_wait(move || {
        said.send(thread::current().name().map(String::from))
            .unwrap()
    })
    .unwrap();
    assert!(name.recv().unwrap().unwrap().starts_with("sums-"));
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

/// P5: the rayon pool lives as long as this pool has work, whoever else drops it.
#[test]
fn a_shared_pool_that_others_drop_is_kept_until_the_end() {
    let shared = threads(1);
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
    until("the rayon pool is gone", || alive.upgrade().is_none());
    assert_eq!(ran.load(Ordering::SeqCst), 100);
}

/// P2, P4: a rayon thread that does something else neither waits for its own pool nor makes it run more jobs than may.
#[test]
fn other_work_on_the_same_threads_does_not_wait_for_them() {
    let shared = threads(1);
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
        let refused = pool.submit(count()).unwrap_err();
        assert!(matches!(
            refused.reason,
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

/// P5: rayon may run a job of the pool on top of another one, which does not wait for it then.
#[test]
fn a_job_on_top_of_another_may_release_the_pool() {
    let (said, heard) = channel();
    let shared = threads(2);
    let pool = Arc::new(RayonPool::shared(Arc::clone(&shared), PoolOptions::new(2, 8)).unwrap());
    let (hold, held) = channel::<()>();
    let (up, is_up) = channel();
    shared.spawn(move || {
        up.send(()).unwrap();
        let _ = held.recv();
    });
    is_up.recv_timeout(PATIENCE).unwrap();
    let own = Arc::clone(&pool);
    pool.submit(move || {
        let done = Arc::new(AtomicUsize::new(0));
        let (upper, releasing) = (Arc::clone(&done), Arc::clone(&own));
        own.submit(move || {
            releasing.release();
            upper.store(1, Ordering::SeqCst);
        })
        .unwrap();
        // As a parallel iterator does, that waits for its parts.
        while done.load(Ordering::SeqCst) == 0 {
            rayon::yield_now();
        }
        said.send(()).unwrap();
    })
    .unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    drop(hold);
}

/// P2: a limit below the number of threads leaves the others to rayon.
#[test]
fn a_limit_below_the_number_of_threads_leaves_some_to_others() {
    let shared = threads(2);
    let pool = RayonPool::shared(Arc::clone(&shared), PoolOptions::new(1, 10)).unwrap();
    let (go, told) = channel::<()>();
    pool.submit(move || {
        let _ = told.recv();
    })
    .unwrap();
    for _ in 0..10 {
        pool.submit(|| {}).unwrap();
    }
    let (said, ran) = channel();
    shared.spawn(move || said.send(()).unwrap());
    ran.recv_timeout(PATIENCE).unwrap();
    assert_eq!((pool.stats().active, pool.stats().waiting), (1, 10));
    assert_eq!((pool.running(), pool.idle_workers()), (1, 0));
    drop(go);
    pool.release();
}

//! What the adapter over `threadpool` adds to what all pools promise.

use std::panic::panic_any;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use soiree_pond::{Overflow, PondError, PondPool, Pool, PoolOptions};

const PATIENCE: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        thread::yield_now();
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Bomb);
    }
}

/// Holds so many threads at once, which shows that there are so many.
fn all_at_once(pool: &PondPool, threads: usize) {
    let all = Arc::new(Barrier::new(threads + 1));
    for _ in 0..threads {
        let all = Arc::clone(&all);
        pool.submit(move || {
            all.wait();
        })
        .unwrap();
    }
    all.wait();
}

/// P2: what pond calls its figures.
#[test]
fn the_pool_speaks_the_words_of_pond() {
    let pool = PondPool::named(3, 7, "uploads").unwrap();
    assert_eq!(pool.name(), "uploads");
    assert_eq!((pool.running_workers(), pool.idle_workers()), (3, 3));
    assert_eq!((pool.max_workers(), pool.min_workers()), (3, 3));
    assert_eq!(pool.max_capacity(), 7);
    let (said, name) = channel();
    pool.submit_and_wait(move || {
        said.send(thread::current().name().map(String::from))
            .unwrap()
    })
    .unwrap();
    assert_eq!(name.recv().unwrap().as_deref(), Some("uploads"));
    pool.stop_and_wait();
    assert_eq!(pool.running_workers(), 0);
    assert_eq!((pool.successful_tasks(), pool.waiting_tasks()), (1, 0));
}

/// P2: what cannot work is refused, and the error names the value.
#[test]
fn options_that_make_no_sense_are_refused() {
    let message = |made: Result<PondPool, PondError>| made.unwrap_err().to_string();
    assert!(message(PondPool::new(0, 1)).contains("max_workers is 0"));
    assert!(message(PondPool::new(usize::MAX, 1)).contains(&usize::MAX.to_string()));
    assert!(message(PondPool::new(1, usize::MAX)).contains(&usize::MAX.to_string()));
    assert!(message(PondPool::named(1, 1, "a\0b")).contains("at byte 1"));
    let shared = PondPool::shared(threadpool::ThreadPool::new(1), PoolOptions::new(2, 1));
    assert!(message(shared).contains("max_workers is 2"));
}

/// P1, P3: jobs that panic cost no thread.
#[test]
fn as_many_jobs_run_at_once_after_panics() {
    let pool = PondPool::new(2, 100).unwrap();
    for number in 0..50 {
        if number % 2 == 0 {
            pool.submit(|| panic!("oops")).unwrap();
        } else {
            pool.submit(|| panic_any(Bomb)).unwrap();
        }
    }
    all_at_once(&pool, 2);
    pool.release();
    assert_eq!((pool.failed_tasks(), pool.successful_tasks()), (50, 2));
}

/// P1, P3: threads that others kill with their panics come back.
#[test]
fn a_shared_pool_outlives_the_panics_of_others() {
    let threads = threadpool::ThreadPool::new(2);
    let pool = PondPool::shared(threads.clone(), PoolOptions::new(2, 10)).unwrap();
    for _ in 0..20 {
        threads.execute(|| panic!("somebody else's panic"));
    }
    all_at_once(&pool, 2);
    until("all have panicked", || threads.panic_count() == 20);
    assert_eq!((pool.failed_tasks(), pool.stats().rejected), (0, 0));
    pool.release();
    assert_eq!(pool.successful_tasks(), 2);
    let (said, ran) = channel();
    threads.execute(move || said.send(()).unwrap());
    ran.recv_timeout(PATIENCE).unwrap();
}

/// P2: what others give to the shared threads is not behind all the jobs that wait here.
#[test]
fn others_on_the_shared_threads_get_their_turn() {
    let threads = threadpool::ThreadPool::new(1);
    let pool = PondPool::shared(threads.clone(), PoolOptions::new(1, 10)).unwrap();
    let (said, ran) = channel();
    let (go, told) = channel::<()>();
    pool.submit(move || {
        let _ = told.recv();
    })
    .unwrap();
    for number in 0..3 {
        let said = said.clone();
        pool.submit(move || said.send(number).unwrap()).unwrap();
    }
    threads.execute(move || said.send(99).unwrap());
    drop(go);
    assert_eq!(ran.iter().collect::<Vec<i32>>(), [99, 0, 1, 2]);
}

/// P2: a higher limit has its threads, a lower one leaves them idle.
#[test]
fn a_resize_starts_the_threads_that_are_missing() {
    let pool = PondPool::new(1, 10).unwrap();
    pool.resize(3).unwrap();
    assert_eq!((pool.running_workers(), pool.max_workers()), (3, 3));
    all_at_once(&pool, 3);
    pool.resize(1).unwrap();
    until("two are no workers", || pool.running_workers() == 1);
    assert_eq!(pool.max_workers(), 1);
    pool.release();
}

/// P2: options reach the pool.
#[test]
fn an_overflow_policy_can_be_chosen() {
    let pool = PondPool::with_options(PoolOptions::new(1, 0).overflow(Overflow::Reject)).unwrap();
    let (go, told) = channel::<()>();
    pool.submit(move || {
        let _ = told.recv();
    })
    .unwrap();
    assert!(pool.submit(|| {}).is_err());
    drop(go);
    pool.release();
}

/// P8: when threads cannot be started, the pool is not made, and a pool that is made keeps what it has.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_cannot_be_started_are_an_error() {
    const LIMITED: &str = "SOIREE_POND_LIMITED";
    if std::env::var_os(LIMITED).is_none() {
        let this = std::env::current_exe().unwrap();
        // Stacks so large, and so little address space, that a stack is the first thing for which there is none.
        let limited = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 2000000 && exec \"$0\" --exact threads_that_cannot_be_started_are_an_error"])
            .arg(this)
            .env(LIMITED, "1")
            .env("RUST_MIN_STACK", (64 << 20).to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&limited.stdout);
        assert!(
            limited.status.success() && told.contains("1 passed"),
            "{told}"
        );
        return;
    }
    let refused = PondPool::new(4_096, 1).unwrap_err();
    assert!(
        matches!(
            refused,
            PondError::Spawn {
                max_workers: 4_096,
                ..
            }
        ),
        "{refused}"
    );
    // The threads of the pool that was not made are still about to end.
    let mut made = None;
    until("there is memory for two stacks", || {
        made = PondPool::new(2, 10).ok();
        made.is_some()
    });
    let pool = made.unwrap();
    let refused = pool.resize(4_096).unwrap_err();
    assert!(refused.to_string().contains("of 4096 workers"), "{refused}");
    assert_eq!(pool.max_workers(), 2);
    all_at_once(&pool, 2);
    pool.release();
}

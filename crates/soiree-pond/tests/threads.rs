//! What `PondPool` adds to the promises of every pool.

use std::panic::panic_any;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree_pond::{DrainTimeout, Overflow, PondError, PondPool, Pool, PoolOptions, ResizeError};

const TIMEOUT: Duration = Duration::from_secs(60);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::yield_now();
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic_any(PanicsOnDrop);
    }
}

/// Runs so many jobs that end only together, which needs as many threads.
fn run_together(pool: &PondPool, jobs: usize) {
    let barrier = Arc::new(Barrier::new(jobs + 1));
    for _ in 0..jobs {
        let barrier = Arc::clone(&barrier);
        pool.submit(move || {
            barrier.wait();
        })
        .unwrap();
    }
    barrier.wait();
}

/// P2: the statistics have the names of pond's, and the threads the name of the pool.
#[test]
fn statistics_have_the_names_of_pond() {
    let pool = PondPool::named(3, 7, "uploads").unwrap();
    assert_eq!(pool.name(), "uploads");
    assert_eq!((pool.running_workers(), pool.idle_workers()), (3, 3));
    assert_eq!((pool.max_workers(), pool.min_workers()), (3, 3));
    assert_eq!(pool.max_capacity(), 7);
    let (sender, thread_name) = channel();
    pool.submit_and_wait(move || {
        let name = thread::current().name().map(String::from);
        sender.send(name).unwrap();
    })
    .unwrap();
    assert_eq!(thread_name.recv().unwrap().as_deref(), Some("uploads"));
    pool.stop_and_wait();
    assert_eq!(pool.running_workers(), 0);
    assert_eq!((pool.successful_tasks(), pool.waiting_tasks()), (1, 0));
}

/// P2: invalid options are rejected, and the error names the value.
#[test]
fn invalid_options_are_rejected() {
    let message = |result: Result<PondPool, PondError>| result.unwrap_err().to_string();
    assert!(message(PondPool::new(0, 1)).contains("max_workers is 0"));
    assert!(message(PondPool::new(usize::MAX, 1)).contains(&usize::MAX.to_string()));
    assert!(message(PondPool::new(1, usize::MAX)).contains(&usize::MAX.to_string()));
    assert!(message(PondPool::named(1, 1, "a\0b")).contains("at byte 1"));
    let shared = PondPool::shared(threadpool::ThreadPool::new(1), PoolOptions::new(2, 1));
    assert!(message(shared).contains("max_workers is 2"));
}

/// P1, P3: after jobs have panicked, as many jobs run at once as before.
#[test]
fn panics_cost_no_thread() {
    let pool = PondPool::new(2, 100).unwrap();
    for number in 0..50 {
        if number % 2 == 0 {
            pool.submit(|| panic!("oops")).unwrap();
        } else {
            pool.submit(|| panic_any(PanicsOnDrop)).unwrap();
        }
    }
    run_together(&pool, 2);
    pool.release();
    assert_eq!((pool.failed_tasks(), pool.successful_tasks()), (50, 2));
}

/// P1, P3: threads that die from panics of other code are replaced.
#[test]
fn a_shared_pool_survives_panics_of_other_code() {
    let threads = threadpool::ThreadPool::new(2);
    let pool = PondPool::shared(threads.clone(), PoolOptions::new(2, 10)).unwrap();
    for _ in 0..20 {
        threads.execute(|| panic!("a panic of other code"));
    }
    run_together(&pool, 2);
    wait_until("all have panicked", || threads.panic_count() == 20);
    assert_eq!((pool.failed_tasks(), pool.stats().rejected), (0, 0));
    pool.release();
    assert_eq!(pool.successful_tasks(), 2);
    let (ran, has_run) = channel();
    threads.execute(move || ran.send(()).unwrap());
    has_run.recv_timeout(TIMEOUT).unwrap();
}

/// P2: a closure that other code gives to the shared threads does not wait behind all waiting jobs of the pool.
#[test]
fn closures_of_other_code_run_between_jobs() {
    let threads = threadpool::ThreadPool::new(1);
    let pool = PondPool::shared(threads.clone(), PoolOptions::new(1, 10)).unwrap();
    let (ran, order) = channel();
    let (finish, may_finish) = channel::<()>();
    pool.submit(move || {
        let _ = may_finish.recv();
    })
    .unwrap();
    for number in 0..3 {
        let ran = ran.clone();
        pool.submit(move || ran.send(number).unwrap()).unwrap();
    }
    threads.execute(move || ran.send(99).unwrap());
    drop(finish);
    assert_eq!(order.iter().collect::<Vec<i32>>(), [99, 0, 1, 2]);
}

/// P2: a higher limit starts threads; a lower one leaves threads without jobs.
#[test]
fn a_resize_starts_the_missing_threads() {
    let pool = PondPool::new(1, 10).unwrap();
    pool.resize(3).unwrap();
    assert_eq!((pool.running_workers(), pool.max_workers()), (3, 3));
    run_together(&pool, 3);
    pool.resize(1).unwrap();
    wait_until("two threads are no workers", || pool.running_workers() == 1);
    assert_eq!(pool.max_workers(), 1);
    pool.release();
}

/// P1, P2: a pool on shared threads is never larger than those, neither from the start nor later.
#[test]
fn a_shared_pool_cannot_outgrow_its_threads() {
    let options = PoolOptions::new(1, 0).overflow(Overflow::Reject);
    let pool = PondPool::shared(threadpool::ThreadPool::new(2), options).unwrap();
    assert_eq!(pool.resize(3), Err(ResizeError::Fixed { max: 3 }));
    assert_eq!(pool.max_workers(), 1);
    pool.resize(2).unwrap();
    let (finish, may_finish) = channel::<()>();
    let may_finish = Arc::new(Mutex::new(may_finish));
    for _ in 0..2 {
        let may_finish = Arc::clone(&may_finish);
        pool.submit(move || {
            let _ = may_finish.lock().unwrap().recv();
        })
        .unwrap();
    }
    assert!(pool.submit(|| {}).is_err());
    assert_eq!((pool.stats().active, pool.stats().waiting), (2, 0));
    drop(finish);
    pool.release();
}

/// P5: as in Go, `stop_and_wait_for` runs the queue, and discards what it has not run in time.
#[test]
fn stop_and_wait_for_runs_the_queue() {
    let pool = PondPool::new(1, 10).unwrap();
    for _ in 0..10 {
        pool.submit(|| {}).unwrap();
    }
    assert_eq!(pool.stop_and_wait_for(TIMEOUT), Ok(()));
    assert_eq!((pool.successful_tasks(), pool.stats().discarded), (10, 0));

    let pool = PondPool::new(1, 10).unwrap();
    let (started, has_started) = channel();
    let (finish, may_finish) = channel::<()>();
    pool.submit(move || {
        started.send(()).unwrap();
        let _ = may_finish.recv();
    })
    .unwrap();
    has_started.recv_timeout(TIMEOUT).unwrap();
    for _ in 0..3 {
        pool.submit(|| {}).unwrap();
    }
    let stopped = pool.stop_and_wait_for(Duration::ZERO);
    assert_eq!(stopped, Err(DrainTimeout::new(1, 3)));
    drop(finish);
    pool.release();
    assert_eq!((pool.successful_tasks(), pool.stats().discarded), (1, 3));
}

/// P2: options reach the pool.
#[test]
fn an_overflow_policy_can_be_chosen() {
    let pool = PondPool::with_options(PoolOptions::new(1, 0).overflow(Overflow::Reject)).unwrap();
    let (finish, may_finish) = channel::<()>();
    pool.submit(move || {
        let _ = may_finish.recv();
    })
    .unwrap();
    assert!(pool.submit(|| {}).is_err());
    drop(finish);
    pool.release();
}

/// P8: if the threads cannot be started, no pool is made; if a resize cannot start more, the pool keeps those that it has.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_cannot_be_started_are_an_error() {
    const LIMITED: &str = "SOIREE_POND_LIMITED";
    if std::env::var_os(LIMITED).is_none() {
        let this = std::env::current_exe().unwrap();
        // With stacks so large and so little address space, the first allocation that fails is a stack.
        let limited = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 2000000 && exec \"$0\" --exact threads_that_cannot_be_started_are_an_error"])
            .arg(this)
            .env(LIMITED, "1")
            .env("RUST_MIN_STACK", (64 << 20).to_string())
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&limited.stdout);
        assert!(
            limited.status.success() && output.contains("1 passed"),
            "{output}"
        );
        return;
    }
    let error = PondPool::new(4_096, 1).unwrap_err();
    assert!(
        matches!(
            error,
            PondError::Spawn {
                max_workers: 4_096,
                ..
            }
        ),
        "{error}"
    );
    // The threads of the pool that was not made may not have exited yet.
    let mut pool = None;
    wait_until("there is memory for two stacks", || {
        pool = PondPool::new(2, 10).ok();
        pool.is_some()
    });
    let pool = pool.unwrap();
    let error = pool.resize(4_096).unwrap_err();
    assert!(error.to_string().contains("of 4096 workers"), "{error}");
    assert_eq!(pool.max_workers(), 2);
    run_together(&pool, 2);
    pool.release();
}

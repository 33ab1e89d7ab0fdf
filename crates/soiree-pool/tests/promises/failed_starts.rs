//! Threads that are started and do not become workers, and what users' values do then.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Latch, TIMEOUT, assert_at_rest, in_time, until};
use soiree_pool::{Overflow, Pool, SubmitErrorReason, WaitError, WorkerPool, WorkerPoolBuilder};

/// A pool that runs `hook` at the start of each of its threads, with the number of the thread.
fn with_hook(
    max_workers: usize,
    hook: impl Fn(usize) + Send + Sync + 'static,
) -> WorkerPoolBuilder {
    let (hook, next) = (Arc::new(hook), AtomicUsize::new(0));
    WorkerPool::builder()
        .max_workers(max_workers)
        .capacity(4)
        .spawn_handler(move |builder, body| {
            let (hook, number) = (Arc::clone(&hook), next.fetch_add(1, Ordering::SeqCst));
            let thread = builder.spawn(move || {
                hook(number);
                body();
            });
            thread.map(drop)
        })
}

fn release(pool: &Arc<WorkerPool>) {
    let pool = Arc::clone(pool);
    in_time("the release returns", move || {
        pool.release();
        assert_at_rest(&pool);
    });
}

/// P8: a thread that ends before it becomes a worker is a thread that could not be started. The job runs elsewhere or comes back,
/// and later jobs find a worker.
#[test]
fn a_thread_that_ends_early_is_one_that_was_not_started() {
    for attempt in 0..50 {
        let pool = with_hook(1, |number| assert!(number > 0, "cannot set the affinity"));
        let pool = Arc::new(pool.build().unwrap());
        for job in 0..3 {
            let submitting = Arc::clone(&pool);
            match in_time("the wait returns", move || {
                submitting.submit_and_wait(|| {})
            }) {
                Ok(()) => {}
                Err(WaitError::Rejected(rejected)) if job == 0 => {
                    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
                }
                other => panic!("{other:?} in attempt {attempt}"),
            }
        }
        release(&pool);
    }
}

/// P1, P7, P8: without one of its threads, a pool has one worker less, and counts so. It starts another one with a later job.
#[test]
fn a_thread_that_ends_early_counts_as_no_worker() {
    let pool = with_hook(2, |number| assert!(number != 1, "cannot set the affinity"));
    let idle_timeout = Duration::from_secs(3600);
    let pool = Arc::new(pool.idle_timeout(idle_timeout).build().unwrap());
    let latch = Latch::block_worker(&pool);
    pool.submit(|| {}).unwrap();
    until("the thread is counted no more", || pool.running() == 1);
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.active, stats.waiting), (0, 1, 1));
    let other = Latch::block_worker(&pool);
    assert_eq!(pool.running(), 2);
    latch.open();
    other.open();
    until("both are idle", || pool.idle_workers() == 2);
    release(&pool);
    assert_eq!(pool.stats().successful, 3);
}

/// P2, P3: a job that was accepted for a thread that ends early does not wait for a worker that is busy, and sees no panic of that
/// thread.
#[test]
fn a_job_accepted_for_a_thread_that_ends_early_runs_at_once() {
    let (accept, accepted) = channel::<()>();
    let accepted = Mutex::new(accepted);
    let pool = with_hook(2, move |number| {
        if number == 1 {
            accepted.lock().unwrap().recv_timeout(TIMEOUT).unwrap();
            panic!("cannot set the affinity");
        }
    });
    let pool = Arc::new(pool.capacity(0).build().unwrap());
    let busy = Latch::block_worker(&pool);
    let (sender, panicking) = channel();
    pool.submit(move || sender.send(thread::panicking()).unwrap())
        .unwrap();
    accept.send(()).unwrap();
    assert_eq!(panicking.recv_timeout(TIMEOUT), Ok(false));
    busy.open();
    release(&pool);
    assert_eq!(pool.stats().successful, 2);
}

/// P8: a pool none of whose threads becomes a worker runs each job on what is left of such a thread, or rejects it.
#[test]
fn a_pool_whose_threads_all_end_early_hangs_in_no_call() {
    let pool = with_hook(2, |_| panic!("cannot set the affinity"));
    let pool = Arc::new(pool.overflow(Overflow::Block).build().unwrap());
    let submitting = Arc::clone(&pool);
    let accepted = in_time("all submits return", move || {
        let accepted = (0..100).filter(|_| match submitting.submit(|| {}) {
            Ok(()) => true,
            Err(rejected) => {
                assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
                false
            }
        });
        accepted.count()
    });
    release(&pool);
    assert_eq!(pool.stats().successful as usize, accepted);
}

/// P8: a handler that drops the body and says that it has started a thread has not started one.
#[test]
fn a_handler_that_drops_the_body_has_started_no_thread() {
    let pool = WorkerPool::builder().spawn_handler(|_, body| {
        drop(body);
        Ok(())
    });
    let pool = Arc::new(pool.build().unwrap());
    let rejected = pool.submit(|| {}).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    release(&pool);
}

/// P3, P8: a body that is kept, and dropped later, runs the jobs that were accepted for it.
#[test]
fn a_body_that_is_dropped_later_runs_what_was_queued_for_it() {
    type Bodies = Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>;
    let kept = Bodies::default();
    let keeping = Arc::clone(&kept);
    let pool = WorkerPool::builder()
        .max_workers(1)
        .spawn_handler(move |_, body| {
            keeping.lock().unwrap().push(body);
            Ok(())
        });
    let pool = Arc::new(pool.build().unwrap());
    (0..3).for_each(|_| pool.submit(|| {}).unwrap());
    assert_eq!(pool.stats().waiting, 3);
    let bodies = std::mem::take(&mut *kept.lock().unwrap());
    in_time("the body is dropped", move || drop(bodies));
    let bodies = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(
        pool.stats().successful,
        1,
        "then it tries to start a thread"
    );
    thread::spawn(|| bodies.into_iter().for_each(|body| body()));
    release(&pool);
    assert_eq!(pool.stats().successful, 3);
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb(Sender<()>);

impl Drop for Bomb {
    fn drop(&mut self) {
        let _ = self.0.send(());
        panic!("dropped");
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl Error for Bomb {}

/// P8: whatever a handler's panic or error does when it is dropped, the permit comes back: the pool goes on, and can be released.
#[test]
fn a_handler_whose_panic_or_error_panics_when_dropped_leaks_no_permit() {
    for panics in [true, false] {
        let (sender, dropped) = channel();
        let (sender, starts) = (Mutex::new(sender), AtomicUsize::new(0));
        let pool = WorkerPool::builder()
            .max_workers(2)
            .spawn_handler(move |builder, body| {
                // The first start, and one with a live worker.
                if starts.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
                    let bomb = Bomb(sender.lock().unwrap().clone());
                    return match panics {
                        true => panic_any(bomb),
                        false => Err(io::Error::other(bomb)),
                    };
                }
                builder.spawn(body).map(drop)
            });
        let pool = Arc::new(pool.build().unwrap());
        let rejected = pool.submit(|| {}).unwrap_err();
        let SubmitErrorReason::Spawn(error) = rejected.reason else {
            panic!("no thread was started");
        };
        if !panics {
            // The caller's own, so the test takes the panic.
            assert!(thread::spawn(move || drop(error)).join().is_err());
        }
        dropped.recv_timeout(TIMEOUT).unwrap();
        assert_eq!((pool.stats().running, pool.stats().idle), (0, 0));
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        dropped.recv_timeout(TIMEOUT).unwrap();
        assert_eq!(pool.stats().running, 1);
        latch.open();
        release(&pool);
        assert_eq!(pool.stats().successful, 2);
    }
}

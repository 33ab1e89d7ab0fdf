//! Calls that wait, on threads of the runtime and elsewhere.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree_tokio::{DrainTimeout, Job, Pool, SubmitErrorReason, TaskPool, TokioPool, WaitError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{block_in_place, coop, spawn_blocking, yield_now};

const TIME_LIMIT: Duration = Duration::from_secs(60);

fn far_future() -> Instant {
    Instant::now() + TIME_LIMIT * 10
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi_thread(threads: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).build().unwrap()
}

/// Runs `work` on a thread of its own. The test fails if it never returns, instead of waiting for it.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(work()));
    let returned = receiver.recv_timeout(TIME_LIMIT);
    returned.expect("it has returned in time")
}

/// Blocks a thread that does not poll until the condition holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        thread::yield_now();
    }
}

async fn yield_until(is_set: Arc<AtomicBool>) {
    while !is_set.load(Ordering::SeqCst) {
        yield_now().await;
    }
}

fn would_block(waited: Result<(), WaitError>) -> bool {
    matches!(waited, Err(WaitError::Rejected(rejected)) if matches!(rejected.reason, SubmitErrorReason::WouldBlock))
}

/// What the pool says on each kind of thread that has to do with its runtime: in `block_on`, in a task, in `spawn_blocking`, in
/// `spawn_blocking` from a task, and on a thread that has only entered it.
fn answers(runtime: &Runtime) -> [bool; 5] {
    let pool = Arc::new(TaskPool::new(runtime.handle().clone(), 1, 1).unwrap());
    let ask = || {
        let pool = Arc::clone(&pool);
        move || pool.wait_would_deadlock()
    };
    assert!(!ask()(), "outside of the runtime");
    let in_block_on = runtime.block_on(async { ask()() });
    let asks = ask();
    let in_task = runtime
        .block_on(runtime.spawn(async move { asks() }))
        .unwrap();
    let in_blocking = runtime.block_on(runtime.spawn_blocking(ask())).unwrap();
    let asks = ask();
    let from_task = runtime.spawn(async move { spawn_blocking(asks).await.unwrap() });
    let from_task = runtime.block_on(from_task).unwrap();
    let entered = {
        let _entered = runtime.enter();
        ask()()
    };
    [in_block_on, in_task, in_blocking, from_task, entered]
}

/// P4: a pool of futures knows the only thread that polls them, and no other.
#[test]
fn a_wait_would_deadlock_on_the_only_thread_that_polls() {
    assert_eq!(
        answers(&current_thread()),
        [true, true, false, false, false]
    );
    assert_eq!(
        answers(&multi_thread(1)),
        [false, true, false, false, false]
    );
    assert_eq!(answers(&multi_thread(2)), [false; 5]);
    let runtime = multi_thread(1);
    let pool = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    let in_place = async move { block_in_place(|| pool.wait_would_deadlock()) };
    assert!(!runtime.block_on(runtime.spawn(in_place)).unwrap());
    // Another runtime polls its futures on another thread, and a pool of blocking threads needs none that polls.
    let (runtime, other) = (current_thread(), current_thread());
    let pool = TaskPool::new(other.handle().clone(), 1, 1).unwrap();
    assert!(!runtime.block_on(async { pool.wait_would_deadlock() }));
    let pool = TokioPool::new(runtime.handle().clone(), 1, 1).unwrap();
    assert!(!runtime.block_on(async { pool.wait_would_deadlock() }));
}

/// How often a task may still go on without a pause.
fn remaining_budget() -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(_restore) = coop::poll_proceed(&mut context) else {
        return 0;
    };
    let mut remaining = 1;
    while coop::has_budget_remaining() {
        if let Poll::Ready(one) = coop::poll_proceed(&mut context) {
            one.made_progress();
        }
        remaining += 1;
    }
    remaining
}

/// To ask costs a task nothing of its budget, not even the last of it.
#[test]
fn asking_leaves_the_budget_of_the_task_as_it_is() {
    let runtime = current_thread();
    let pool = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    runtime.block_on(poll_fn(|context| {
        let mut remaining = remaining_budget();
        assert!(remaining > 1);
        while remaining > 0 {
            assert!(pool.wait_would_deadlock());
            assert_eq!(remaining_budget(), remaining);
            let Poll::Ready(one) = coop::poll_proceed(context) else {
                panic!("the budget is used up before its end");
            };
            one.made_progress();
            remaining -= 1;
        }
        assert!(pool.wait_would_deadlock());
        Poll::Ready(())
    }));
}

/// P4, P5: on the thread that drives a runtime of one thread, each call that waits elsewhere returns or is rejected. What was
/// accepted is polled once the thread has time.
#[test]
fn nothing_waits_on_the_thread_that_drives_the_runtime() {
    in_time(|| {
        let runtime = current_thread();
        let pool = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let future = || {
            let ran = Arc::clone(&ran);
            Job::from_future(async move {
                yield_now().await;
                ran.fetch_add(1, Ordering::SeqCst);
            })
        };
        runtime.block_on(async {
            assert!(would_block(pool.submit_and_wait(future())));
            pool.submit_and_wait(|| {}).unwrap();
            assert!(would_block(pool.submit_all_and_wait(vec![future()])));
            pool.submit(future()).unwrap();
            pool.submit(future()).unwrap();
            let rejected = pool.submit(future()).unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
            assert!(!pool.wait_idle(far_future()));
            let released = pool.release_with_deadline(far_future());
            assert_eq!(released, Err(DrainTimeout::new(2, 0)));
            assert!(pool.stop_and_wait_for(TIME_LIMIT * 10).is_err());
            pool.release();
            while pool.stats().active > 0 {
                yield_now().await;
            }
        });
        assert_eq!(ran.load(Ordering::SeqCst), 2);
        pool.release_with_deadline(far_future()).unwrap();
        assert_eq!(pool.stats().successful, 3);
    });
}

/// P4: a blocking thread of a runtime of one thread may wait for its futures.
#[test]
fn a_blocking_thread_waits_for_futures() {
    in_time(|| {
        let runtime = current_thread();
        let pool = Arc::new(TaskPool::new(runtime.handle().clone(), 1, 1).unwrap());
        let waiting = Arc::clone(&pool);
        let blocking = runtime.spawn_blocking(move || {
            for _ in 0..3 {
                waiting
                    .submit_and_wait(Job::from_future(yield_now()))
                    .unwrap();
            }
            waiting.release();
        });
        runtime.block_on(blocking).unwrap();
        assert_eq!(pool.stats().successful, 3);
    });
}

/// P5, L3: a future that releases its pool holds up nobody, and cancels nobody, on a runtime with one thread too.
#[test]
fn a_future_may_release_its_pool() {
    in_time(|| {
        let runtime = multi_thread(1);
        let pool = Arc::new(TaskPool::new(runtime.handle().clone(), 4, 4).unwrap());
        let is_released = Arc::new(AtomicBool::new(false));
        for _ in 0..3 {
            let future = yield_until(Arc::clone(&is_released));
            pool.submit(Job::from_future(future)).unwrap();
        }
        let (releasing, released) = (Arc::clone(&pool), Arc::clone(&is_released));
        pool.submit(Job::from_future(async move {
            let left = releasing.release_with_deadline(far_future());
            assert_eq!(left, Err(DrainTimeout::new(3, 0)));
            let waited = releasing.submit_and_wait(Job::from_future(yield_now()));
            assert!(waited.is_err());
            releasing.release();
            released.store(true, Ordering::SeqCst);
        }))
        .unwrap();
        pool.release();
        let stats = pool.stats();
        assert_eq!((stats.successful, stats.failed, stats.discarded), (4, 0, 0));
    });
}

/// P5: when a release returns at its deadline, the futures in flight are dropped, except one that is being polled.
#[test]
fn futures_in_flight_are_dropped_at_the_deadline() {
    in_time(|| {
        let runtime = multi_thread(2);
        let pool = TaskPool::new(runtime.handle().clone(), 4, 4).unwrap();
        let payload = Arc::new(());
        for _ in 0..3 {
            let kept = Arc::clone(&payload);
            pool.submit(Job::from_future(async move {
                let _kept = kept;
                std::future::pending::<()>().await;
            }))
            .unwrap();
        }
        let (polled, is_polled) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let kept = Arc::clone(&payload);
        pool.submit(Job::from_future(async move {
            let _kept = kept;
            polled.send(Handle::current().id()).unwrap();
            may_go_on.recv_timeout(TIME_LIMIT).unwrap();
            yield_now().await;
        }))
        .unwrap();
        let polling = is_polled.recv_timeout(TIME_LIMIT).unwrap();
        assert_eq!(polling, runtime.handle().id());
        let released = pool.release_with_deadline(Instant::now()).unwrap_err();
        // The other thread may be polling another one.
        assert!(released.active >= 1);
        assert_eq!(released.active + released.discarded, 4);
        assert!(Arc::strong_count(&payload) <= 1 + released.active);
        go_on.send(()).unwrap();
        wait_until("all are dropped", || pool.stats().active == 0);
        assert_eq!(Arc::strong_count(&payload), 1);
        assert_eq!((pool.stats().discarded, pool.stats().successful), (4, 0));
    });
}

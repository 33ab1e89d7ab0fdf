//! Jobs that are futures, on an executor that polls them.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Instant;

use soiree_bounded::{BoundedPool, StartedJob};
use soiree_core::{DrainTimeout, Job, JobId, Pool, SubmitErrorReason, WaitError};

use crate::common::{
    Behavior, ScriptedExecutor, TIME_LIMIT, counts, in_thread, poll, submit_blocked, wait_until,
};

type ScriptedPool = Arc<BoundedPool<ScriptedExecutor>>;

/// Where and in which order futures were dropped.
#[derive(Clone, Default)]
struct DropLog(Arc<Mutex<Vec<(usize, ThreadId)>>>);

struct LogsDrop(usize, DropLog);

impl Drop for LogsDrop {
    fn drop(&mut self) {
        let here = thread::current().id();
        self.1.0.lock().unwrap().push((self.0, here));
    }
}

impl DropLog {
    /// A future that is ready once `is_ready` is set.
    fn future(&self, number: usize, is_ready: &Arc<AtomicBool>) -> Job {
        let (logs, is_ready) = (LogsDrop(number, self.clone()), Arc::clone(is_ready));
        Job::from_future(poll_fn(move |_| {
            let _logs = &logs;
            match is_ready.load(Ordering::SeqCst) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }))
    }

    fn dropped(&self) -> Vec<usize> {
        let log = self.0.lock().unwrap();
        log.iter().map(|(number, _)| *number).collect()
    }
}

/// Starts the permits that the executor has.
fn start(executor: &ScriptedExecutor) -> Vec<StartedJob> {
    let permits = executor.take_permits().into_iter();
    permits.filter_map(|permit| permit.start()).collect()
}

/// Runs `work` inside a future of the pool, while another one is in flight and a third waits. Then both must run to their end.
fn inside_a_future<T: Send + 'static>(work: impl FnOnce(&ScriptedPool) -> T + Send + 'static) -> T {
    let (executor, log) = (ScriptedExecutor::polling(), DropLog::default());
    let pool = executor.pool(2, 1);
    let is_ready = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = channel();
    pool.submit(log.future(0, &is_ready)).unwrap();
    let inside = Arc::clone(&pool);
    pool.submit(Job::from_future(async move {
        sender.send(work(&inside)).unwrap();
    }))
    .unwrap();
    pool.submit(log.future(1, &is_ready)).unwrap();
    let mut started = start(&executor);
    assert!(poll(&mut started[0]).is_pending());
    let mut second = started.remove(1);
    let returned = in_thread(move || poll(&mut second)).wait();
    assert!(returned.is_ready(), "it has run to its end");
    assert!(log.dropped().is_empty(), "no other future was cancelled");
    is_ready.store(true, Ordering::SeqCst);
    assert!(poll(&mut started[0]).is_ready());
    for mut job in start(&executor) {
        assert!(poll(&mut job).is_ready());
    }
    let stats = pool.stats();
    assert_eq!((stats.failed, stats.discarded, stats.active), (0, 0, 0));
    assert_eq!(log.dropped(), [0, 1]);
    receiver.recv().unwrap()
}

fn would_block(waited: Result<(), WaitError>) -> bool {
    match waited {
        Err(WaitError::Rejected(rejected)) => {
            matches!(rejected.reason, SubmitErrorReason::WouldBlock)
        }
        _ => false,
    }
}

/// P4: a future never runs inline, where it would hold the thread that polls it.
#[test]
fn a_future_is_rejected_where_another_job_runs_inline() {
    let executor = ScriptedExecutor::polling();
    let pool = executor.pool(1, 1);
    let rejected = pool.run_inline(Job::from_future(async {})).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::WouldBlock));
    drop(pool.run_inline(Job::new(|| {})).unwrap());
    assert_eq!(counts(&pool), (0, 0, 1, 1, 1));
    executor.on_thread.store(true, Ordering::SeqCst);
    assert!(would_block(
        pool.submit_and_wait(Job::from_future(async {}))
    ));
    pool.submit_and_wait(Job::new(|| {})).unwrap();
    assert_eq!(pool.stats().successful, 2);

    // An executor that polls no futures blocks a thread of its own for each anyway.
    let pool = ScriptedExecutor::new().pool(1, 1);
    drop(pool.run_inline(Job::from_future(async {})).unwrap());
    assert_eq!(pool.stats().successful, 1);
}

/// P4, L3: inside a future, no call waits for a job of its pool.
#[test]
fn a_future_does_not_wait_for_jobs_of_its_pool() {
    inside_a_future(|pool| {
        assert!(pool.wait_would_deadlock());
        assert!(would_block(
            pool.submit_and_wait(Job::from_future(async {}))
        ));
        let all = vec![Job::from_future(async {}), Job::new(|| {})];
        assert!(would_block(pool.submit_all_and_wait(all)));
        pool.submit_and_wait(Job::new(|| {})).unwrap();
        let rejected = pool.submit(Job::from_future(async {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
        pool.submit(Job::new(|| {})).unwrap();
        assert!(!pool.wait_idle(Instant::now() + TIME_LIMIT));
    });
}

/// P4, P5, L3: a release inside a future closes the pool and does not wait. It cancels nothing, and reports what is left.
#[test]
fn a_release_inside_a_future_does_not_wait() {
    type Release = fn(&ScriptedPool) -> Result<(), DrainTimeout>;
    let releases: [Release; 3] = [
        |pool| pool.release_with_deadline(Instant::now() + TIME_LIMIT * 10),
        |pool| pool.release_with_deadline(Instant::now()),
        |pool| pool.stop_and_wait_for(TIME_LIMIT * 10),
    ];
    for release in releases {
        let released = inside_a_future(move |pool| {
            let released = release(pool);
            let rejected = pool.submit(Job::new(|| {})).unwrap_err();
            assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
            released
        });
        assert_eq!(released, Err(DrainTimeout::new(2, 0)));
    }
    inside_a_future(|pool| pool.release());
}

/// P4, L3: nor does it wait for another pool that polls futures, which may need the same thread.
#[test]
fn a_future_does_not_wait_for_another_pool_of_futures() {
    let executor = ScriptedExecutor::polling();
    let other = executor.pool(1, 1);
    other.submit(Job::from_future(async {})).unwrap();
    other.submit(Job::from_future(async {})).unwrap();
    let inside = Arc::clone(&other);
    inside_a_future(move |_| {
        let other = inside;
        assert!(other.wait_would_deadlock());
        let rejected = other.submit(Job::new(|| {})).unwrap_err();
        assert!(matches!(rejected.reason, SubmitErrorReason::Full { .. }));
        assert!(would_block(
            other.submit_and_wait(Job::from_future(async {}))
        ));
        other.submit_and_wait(Job::new(|| {})).unwrap();
        let released = other.release_with_deadline(Instant::now() + TIME_LIMIT * 10);
        assert_eq!(released, Err(DrainTimeout::new(2, 0)));
        other.release();
    });
    assert!(!other.wait_would_deadlock());
    let mut jobs = start(&executor);
    while let Some(mut job) = jobs.pop() {
        assert!(poll(&mut job).is_ready());
        jobs.extend(start(&executor));
    }
    assert_eq!(other.stats().successful, 3);
    // A pool of threads needs no thread that polls.
    let threads = ScriptedExecutor::new();
    threads.set_behavior(Behavior::Spawn);
    let pool = threads.pool(1, 1);
    inside_a_future(move |_| {
        assert!(!pool.wait_would_deadlock());
        pool.submit_and_wait(Job::new(|| {})).unwrap();
        pool.release();
    });
}

struct CountsWakes(AtomicUsize);

impl Wake for CountsWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// P5: at a missed deadline, the futures that nobody polls are dropped by the releasing thread, before it returns. Their tasks
/// wake, and find nothing left to do.
#[test]
fn a_missed_deadline_drops_the_futures_in_flight() {
    let (executor, log) = (ScriptedExecutor::polling(), DropLog::default());
    let pool = executor.pool(3, 1);
    let never = Arc::default();
    for number in 0..4 {
        pool.submit(log.future(number, &never)).unwrap();
    }
    let mut started = start(&executor);
    let wakes = Arc::new(CountsWakes(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    for job in &mut started[..2] {
        let polled = std::pin::Pin::new(job);
        assert!(std::future::Future::poll(polled, &mut Context::from_waker(&waker)).is_pending());
    }
    let released = pool.release_with_deadline(Instant::now());
    assert_eq!(released, Err(DrainTimeout::new(0, 4)));
    // The one that waited in the queue first, then those in flight; the last of them was never polled.
    assert_eq!(log.dropped(), [3, 0, 1, 2]);
    let here = thread::current().id();
    assert!(
        log.0
            .lock()
            .unwrap()
            .iter()
            .all(|(_, thread)| *thread == here)
    );
    assert_eq!(
        (pool.stats().discarded, counts(&pool)),
        (4, (0, 0, 4, 0, 0))
    );
    assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
    assert!(poll(&mut started[0]).is_ready());
    drop(started);
    assert_eq!(
        (pool.stats().discarded, counts(&pool)),
        (4, (0, 0, 4, 0, 0))
    );
}

/// P5: a future that a thread polls at the deadline still counts as active. It is dropped after the poll, unless it is ready.
#[test]
fn a_future_that_is_polled_at_the_deadline_is_dropped_after_the_poll() {
    for is_ready in [false, true] {
        let (executor, log) = (ScriptedExecutor::polling(), DropLog::default());
        let pool = executor.pool(1, 0);
        let (polled, is_polled) = sync_channel(0);
        let (go_on, may_go_on) = channel::<()>();
        let logs = LogsDrop(0, log.clone());
        pool.submit(Job::from_future(poll_fn(move |_| {
            let _logs = &logs;
            polled.send(()).unwrap();
            may_go_on.recv_timeout(TIME_LIMIT).unwrap();
            match is_ready {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })))
        .unwrap();
        let mut job = start(&executor).remove(0);
        let polling = in_thread(move || (poll(&mut job), job));
        is_polled.recv_timeout(TIME_LIMIT).unwrap();
        let released = pool.release_with_deadline(Instant::now());
        assert_eq!(released, Err(DrainTimeout::new(1, 0)));
        assert_eq!((log.dropped(), pool.stats().active), (vec![], 1));
        go_on.send(()).unwrap();
        let (polled, job) = polling.wait();
        assert!(polled.is_ready());
        assert_eq!(log.dropped(), [0]);
        drop(job);
        let expected = if is_ready { (1, 0) } else { (0, 1) };
        let stats = pool.stats();
        assert_eq!((stats.successful, stats.discarded), expected);
        assert_eq!((stats.active, stats.submitted), (0, 1));
    }
}

/// P1, P5, E8: a future may do anything as it is dropped: panic, or wait for its own pool. The others are dropped all the same,
/// and threads that wait for them wake.
#[test]
fn futures_that_are_dropped_at_the_deadline_may_do_anything() {
    struct Hostile(Weak<BoundedPool<ScriptedExecutor>>);
    impl Drop for Hostile {
        fn drop(&mut self) {
            let pool = self.0.upgrade().unwrap();
            pool.release();
            pool.stop();
            assert!(pool.submit_and_wait(Job::from_future(async {})).is_err());
            panic!("on purpose");
        }
    }
    // If a drop waits, so does the thread that unwinds.
    in_thread(|| {
        let executor = ScriptedExecutor::polling();
        let pool = executor.pool(3, 0);
        for _ in 0..2 {
            let hostile = Hostile(Arc::downgrade(&pool));
            let future = poll_fn(move |_| {
                let _hostile = &hostile;
                Poll::Pending
            });
            pool.submit(Job::from_future(future)).unwrap();
        }
        let waiting = Arc::clone(&pool);
        let waiter = in_thread(move || {
            let waited = waiting.submit_and_wait(Job::from_future(std::future::pending()));
            (waited, waiting.stats().discarded)
        });
        wait_until("all three are accepted", || pool.stats().submitted == 3);
        let mut started = start(&executor);
        assert!(started.iter_mut().all(|job| poll(job).is_pending()));
        let releasing = Arc::clone(&pool);
        let released = in_thread(move || releasing.release_with_deadline(Instant::now())).wait();
        assert_eq!(released, Err(DrainTimeout::new(0, 3)));
        let (waited, discarded) = waiter.wait();
        assert!(matches!(waited, Err(WaitError::Discarded)));
        assert!(discarded > 0, "it was counted before the waiter woke");
        assert_eq!((pool.stats().discarded, pool.stats().active), (3, 0));
    })
    .wait();
}

/// P2: a future that has nothing left to do leaves its place in the queue. One that has keeps its turn.
#[test]
fn a_future_is_polled_once_to_leave_its_place() {
    let executor = ScriptedExecutor::polling();
    let pool = executor.pool(1, 2);
    let keys = [(); 3].map(|()| Arc::new(()));
    let order = Arc::new(Mutex::new(Vec::new()));
    let is_claimed = Arc::new(AtomicBool::new(false));
    for (number, key) in keys.iter().enumerate() {
        let (kept, order, is_claimed) =
            (Arc::clone(key), Arc::clone(&order), Arc::clone(&is_claimed));
        let mut polls = 0;
        let future = poll_fn(move |_| {
            let _kept = &kept;
            polls += 1;
            if number == 1 && polls == 1 {
                return Poll::Pending;
            }
            if !is_claimed.load(Ordering::SeqCst) {
                order.lock().unwrap().push(number);
            }
            Poll::Ready(())
        });
        let job = Job::from_future(future).with_id(JobId::of(key));
        pool.submit(job).unwrap();
    }
    assert!(!pool.run_queued(JobId::of(&keys[1])));
    assert_eq!(counts(&pool), (1, 2, 3, 0, 0));
    is_claimed.store(true, Ordering::SeqCst);
    assert!(pool.run_queued(JobId::of(&keys[2])));
    is_claimed.store(false, Ordering::SeqCst);
    assert_eq!(counts(&pool), (1, 1, 3, 0, 1));
    for _ in 0..2 {
        assert!(poll(&mut start(&executor)[0]).is_ready());
    }
    assert_eq!(*order.lock().unwrap(), [0, 1]);
    assert_eq!(counts(&pool), (0, 0, 3, 0, 3));
}

/// P8, E7: the thread that polls does not run the next future if no permit can be sent for it. The future waits until somebody calls
/// the pool, and a blocked submitter gets its job back.
#[test]
fn a_future_waits_while_no_permit_can_be_sent() {
    let (executor, log) = (ScriptedExecutor::polling(), DropLog::default());
    let pool = executor.pool(1, 1);
    let is_ready = Arc::new(AtomicBool::new(true));
    pool.submit(log.future(0, &is_ready)).unwrap();
    pool.submit(log.future(1, &is_ready)).unwrap();
    let blocked = submit_blocked(&pool, log.future(2, &is_ready));
    let mut first = start(&executor).remove(0);
    executor.set_behavior(Behavior::Fail);
    assert!(poll(&mut first).is_ready());
    let rejected = blocked.wait().unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Spawn(_)));
    drop(rejected);
    assert_eq!(log.dropped(), [0, 2]);
    assert_eq!(counts(&pool), (0, 1, 2, 1, 1));
    executor.set_behavior(Behavior::Keep);
    let releasing = Arc::clone(&pool);
    in_thread(move || releasing.release()).wait_while_polling(&executor);
    assert_eq!(log.dropped(), [0, 2, 1]);
    assert_eq!(counts(&pool), (0, 0, 2, 1, 2));
}

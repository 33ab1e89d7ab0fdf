//! `ManualPool` runs a job only when the test says so, and counts what happens to each.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, Job, JobId, JobOutcome, MAX_INLINE_DEPTH, Pool, SubmitErrorReason, WaitError,
};
use soiree_testkit::ManualPool;

/// Makes jobs that record their number when they run.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<u32>>>);

impl Ran {
    fn job(&self, number: u32) -> Job {
        let ran = self.clone();
        Job::new(move || ran.0.lock().unwrap().push(number))
    }

    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn pool_with(jobs: u32) -> (ManualPool, Ran) {
    let (pool, ran) = (ManualPool::new(), Ran::default());
    for number in 0..jobs {
        pool.submit(ran.job(number)).unwrap();
    }
    (pool, ran)
}

/// P3: no job runs before the test runs it.
#[test]
fn jobs_run_in_the_order_in_which_the_test_runs_them() {
    let (pool, ran) = pool_with(6);
    assert_eq!((pool.pending(), ran.take()), (6, vec![]));
    assert!(pool.run_next() && pool.run_newest() && pool.run_nth(1));
    assert_eq!(ran.take(), [0, 5, 2]);
    assert!(!pool.run_nth(3), "three jobs are left");
    assert_eq!(pool.run_all(), 3);
    assert_eq!(ran.take(), [1, 3, 4]);
    assert!(!pool.run_next() && !pool.run_newest() && !pool.discard_next());
}

/// P3: run_all returns when the queue is empty.
#[test]
fn run_all_also_runs_jobs_submitted_by_jobs() {
    let (pool, ran) = (ManualPool::new(), Ran::default());
    let (inner, last) = (pool.clone(), ran.job(2));
    pool.submit(Job::new(move || inner.submit(last).unwrap()))
        .unwrap();
    assert_eq!(pool.run_all(), 2);
    assert_eq!(ran.take(), [2]);
}

/// P1: returned, panicked, expired and discarded jobs have a counter each.
#[test]
fn every_job_is_counted_once_by_how_it_ended() {
    let (pool, ran) = pool_with(2);
    pool.submit(Job::new(|| panic!("on purpose"))).unwrap();
    pool.submit_before(ran.job(3), Instant::now()).unwrap();
    let inner = pool.clone();
    pool.submit(Job::new(move || {
        let stats = inner.stats();
        assert_eq!((stats.active, stats.running, stats.waiting), (1, 1, 0));
        assert!(stats.is_balanced());
    }))
    .unwrap();
    assert!(pool.discard_next());
    assert!(pool.stats().is_balanced());
    assert_eq!(pool.run_all(), 4);
    let stats = pool.stats();
    assert_eq!((stats.submitted, stats.discarded, stats.failed), (5, 1, 1));
    assert_eq!((stats.successful, stats.expired, stats.waiting), (2, 1, 0));
    assert!(stats.is_balanced() && stats.running == 0);
    assert_eq!(ran.take(), [1]);
}

/// P2: and the job still runs if its submitter runs it.
#[test]
fn a_full_pool_rejects_and_returns_the_job() {
    let (pool, ran) = (ManualPool::with_capacity(1), Ran::default());
    pool.submit(ran.job(0)).unwrap();
    let (job, reason) = pool.submit(ran.job(1)).unwrap_err().into_parts();
    assert!(matches!(reason, SubmitErrorReason::Full { capacity: 1 }));
    drop(job.run());
    assert_eq!(ran.take(), [1]);
    assert_eq!((pool.stats().submitted, pool.stats().rejected), (1, 1));
}

/// P5
#[test]
fn a_stop_drops_waiting_jobs_and_rejects_new_ones() {
    let (pool, ran) = pool_with(3);
    assert!(pool.run_next());
    pool.stop();
    assert_eq!((pool.pending(), pool.stats().discarded), (0, 2));
    let rejected = pool.submit(ran.job(9)).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    assert!(!pool.run_next());
    assert_eq!(ran.take(), [0]);
}

/// P5
#[test]
fn a_release_runs_waiting_jobs_on_the_calling_thread() {
    let (pool, ran) = pool_with(3);
    let (sender, ran_on) = channel();
    pool.submit(Job::new(move || {
        sender.send(thread::current().id()).unwrap()
    }))
    .unwrap();
    pool.release();
    assert_eq!(ran.take(), [0, 1, 2]);
    assert_eq!(ran_on.recv().unwrap(), thread::current().id());
    assert!(pool.submit(ran.job(9)).is_err());
}

/// P5
#[test]
fn a_release_past_its_deadline_drops_waiting_jobs_and_reports_running_ones() {
    let (pool, ran) = pool_with(2);
    let (started, has_started) = channel();
    let (release, released) = channel::<()>();
    pool.submit(Job::new(move || {
        started.send(()).unwrap();
        let _ = released.recv();
    }))
    .unwrap();
    let other = pool.clone();
    let runner = thread::spawn(move || assert!(other.run_newest()));
    has_started.recv().unwrap();
    let left = pool.release_with_deadline(Instant::now());
    assert_eq!(left, Err(DrainTimeout::new(1, 2)));
    drop(release);
    assert_eq!(pool.stop_and_wait_for(Duration::from_secs(60)), Ok(()));
    runner.join().unwrap();
    assert_eq!((ran.take(), pool.stats().discarded), (vec![], 2));
}

/// P5: with time left, the jobs in the queue run. Without, they are discarded, and the error says how many.
#[test]
fn stop_and_wait_for_runs_the_queue_until_its_timeout() {
    let (pool, ran) = pool_with(3);
    assert_eq!(pool.stop_and_wait_for(Duration::from_secs(60)), Ok(()));
    assert_eq!((ran.take(), pool.stats().discarded), (vec![0, 1, 2], 0));
    let (pool, ran) = pool_with(3);
    let left = pool.stop_and_wait_for(Duration::ZERO);
    assert_eq!(left, Err(DrainTimeout::new(0, 3)));
    assert_eq!((ran.take(), pool.stats().discarded), (vec![], 3));
}

/// P5
#[test]
fn a_job_may_release_its_own_pool() {
    let (pool, ran) = pool_with(1);
    let inner = pool.clone();
    pool.submit(Job::new(move || inner.release())).unwrap();
    assert!(pool.run_newest());
    assert_eq!(ran.take(), [0]);
}

/// P4
#[test]
fn a_thread_is_a_worker_while_it_runs_a_job() {
    let pool = ManualPool::new();
    let check = pool.worker_check().unwrap();
    assert!(!pool.on_worker() && !check.is_worker());
    let inner = pool.clone();
    let inner_check = pool.worker_check().unwrap();
    pool.submit(Job::new(move || {
        assert!(inner.on_worker() && inner_check.is_worker())
    }))
    .unwrap();
    assert!(pool.run_next());
    assert_eq!(pool.stats().failed, 0);
}

/// P4: a job that waits for another job runs it inline, up to MAX_INLINE_DEPTH.
#[test]
fn submit_and_wait_inside_a_job_runs_inline_up_to_the_recursion_limit() {
    fn nest(pool: &ManualPool, depth: &Arc<Mutex<usize>>) {
        *depth.lock().unwrap() += 1;
        let (inner, deeper) = (pool.clone(), Arc::clone(depth));
        match pool.submit_and_wait(Job::new(move || nest(&inner, &deeper))) {
            Ok(()) => {}
            Err(WaitError::Rejected(rejected)) => {
                assert!(matches!(
                    rejected.reason,
                    SubmitErrorReason::RecursionLimit { .. }
                ));
            }
            Err(other) => panic!("{other}"),
        }
    }
    let (pool, depth) = (ManualPool::new(), Arc::new(Mutex::new(0)));
    let (inner, counted) = (pool.clone(), Arc::clone(&depth));
    pool.submit(Job::new(move || nest(&inner, &counted)))
        .unwrap();
    assert!(pool.run_next());
    assert_eq!(*depth.lock().unwrap(), 1 + MAX_INLINE_DEPTH);
    let stats = pool.stats();
    assert_eq!(stats.successful, 1 + MAX_INLINE_DEPTH as u64);
    assert!(stats.is_balanced() && stats.rejected == 1 && stats.failed == 0);
}

/// P5
#[test]
fn a_closed_pool_rejects_inline_jobs() {
    let pool = ManualPool::new();
    pool.stop();
    let rejected = pool.run_inline(Job::new(|| {})).unwrap_err();
    assert!(matches!(rejected.reason, SubmitErrorReason::Closed));
    let open = ManualPool::new().run_inline(Job::new(|| {}));
    assert!(matches!(open, Ok(JobOutcome::Completed)));
}

/// Calls its pool when dropped.
struct CallsPoolOnDrop(ManualPool);

impl Drop for CallsPoolOnDrop {
    fn drop(&mut self) {
        assert!(self.0.stats().is_balanced());
        let _ = self.0.submit(Job::new(|| {}));
    }
}

/// P5: the pool holds no lock while it drops a job.
#[test]
fn a_job_may_call_its_pool_when_dropped() {
    for drop_job in [ManualPool::stop, |pool: &ManualPool| {
        assert!(pool.discard_next())
    }] {
        let pool = ManualPool::new();
        let caller = CallsPoolOnDrop(pool.clone());
        pool.submit(Job::new(move || drop(caller))).unwrap();
        drop_job(&pool);
        assert_eq!(pool.stats().discarded, 1);
        pool.stop();
    }
}

/// P3: the pool has no thread that could run the jobs.
#[test]
fn dropping_the_last_handle_drops_waiting_jobs() {
    let kept = Arc::new(());
    let pool = ManualPool::new();
    let inside = Arc::clone(&kept);
    pool.submit(Job::new(move || drop(inside))).unwrap();
    let other = pool.clone();
    drop(pool);
    assert_eq!(Arc::strong_count(&kept), 2);
    drop(other);
    assert_eq!(Arc::strong_count(&kept), 1);
}

/// P2, P3: a full queue does not reject what is requeued. It moves into the queue in order, as there is room.
#[test]
fn requeued_jobs_wait_for_room_in_the_queue() {
    for capacity in [0, 2] {
        let pool = ManualPool::with_capacity(capacity);
        let ran = Ran::default();
        for number in 0..5 {
            pool.requeue(ran.job(number)).unwrap();
        }
        let stats = pool.stats();
        assert_eq!((pool.pending(), stats.requeued), (capacity, 5 - capacity));
        assert_eq!(stats.submitted as usize, capacity);
        assert!(pool.submit(ran.job(5)).is_err(), "the queue is full");
        assert!(pool.run_next());
        assert_eq!(pool.pending(), capacity, "the place is taken");
        assert_eq!(pool.run_all(), 4);
        assert_eq!(ran.take(), [0, 1, 2, 3, 4]);
        let stats = pool.stats();
        assert!(stats.is_idle() && stats.submitted == 5, "{stats:?}");
        assert_eq!((stats.peak_running, stats.peak_waiting), (1, capacity));
    }
}

/// P2, P3: a job that runs before its turn leaves its place to what waits for one, and is not run again.
#[test]
fn a_queued_job_may_run_before_its_turn() {
    let pool = ManualPool::with_capacity(1);
    let ran = Ran::default();
    let ids: Vec<Arc<u32>> = (0..3).map(Arc::new).collect();
    for id in &ids {
        let (kept, job) = (Arc::clone(id), ran.job(**id));
        let job = Job::new(move || {
            drop(job.run());
            drop(kept);
        });
        pool.requeue(job.with_id(JobId::of(id))).unwrap();
    }
    assert!(pool.run_queued(JobId::of(&ids[0])), "it is queued");
    assert!(!pool.run_queued(JobId::of(&ids[0])), "it has run");
    assert_eq!((pool.pending(), pool.stats().requeued), (1, 1));
    assert!(pool.run_queued(JobId::of(&ids[2])), "it waits for a place");
    assert_eq!((pool.run_all(), ran.take()), (1, vec![0, 2, 1]));
    assert_eq!((pool.stats().successful, pool.stats().discarded), (3, 0));
}

/// P5: a stop discards or returns what was requeued as well, and a closed pool says that it is closed.
#[test]
fn requeued_jobs_end_with_the_pool() {
    for takes in [false, true] {
        let pool = ManualPool::with_capacity(1);
        let ran = Ran::default();
        for number in 0..3 {
            pool.requeue(ran.job(number)).unwrap();
        }
        assert!(!pool.is_closed());
        if takes {
            pool.stop_and_take_jobs()
                .into_iter()
                .for_each(|job| drop(job.run()));
            assert_eq!(ran.take(), [0, 1, 2]);
        } else {
            pool.stop();
        }
        assert!(pool.is_closed() && pool.requeue(ran.job(3)).is_err());
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.discarded), (3, 3));
    }
}

/// P1: a thread that waits until the pool is idle waits for queued, requeued and running jobs.
#[test]
fn a_wait_for_an_idle_pool_ends_with_the_last_job() {
    let pool = ManualPool::with_capacity(0);
    let ran = Ran::default();
    assert!(pool.wait_idle(Instant::now()));
    pool.requeue(ran.job(0)).unwrap();
    assert!(!pool.wait_idle(Instant::now()));
    let inner = pool.clone();
    pool.requeue(Job::new(move || {
        assert!(!inner.wait_idle(Instant::now() + Duration::from_secs(60)));
    }))
    .unwrap();
    let waiting = pool.clone();
    let waiter = thread::spawn(move || waiting.wait_idle(Instant::now() + Duration::from_secs(60)));
    assert_eq!(pool.run_all(), 2);
    assert!(waiter.join().unwrap());
    assert_eq!(pool.stats().successful, 2, "no job waits for itself");
}

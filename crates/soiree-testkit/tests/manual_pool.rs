//! `ManualPool` does what it is told, and nothing else.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{
    DrainTimeout, Job, JobOutcome, MAX_INLINE_DEPTH, Pool, SubmitErrorReason, WaitError,
};
use soiree_testkit::ManualPool;

/// Jobs that note their number.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<u32>>>);

impl Notes {
    fn job(&self, number: u32) -> Job {
        let notes = self.clone();
        Job::new(move || notes.0.lock().unwrap().push(number))
    }

    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn holding(jobs: u32) -> (ManualPool, Notes) {
    let (pool, notes) = (ManualPool::new(), Notes::default());
    for number in 0..jobs {
        pool.submit(notes.job(number)).unwrap();
    }
    (pool, notes)
}

/// P3
#[test]
fn jobs_run_when_told_and_in_the_order_told() {
    let (pool, notes) = holding(6);
    assert_eq!((pool.pending(), notes.take()), (6, vec![]));
    assert!(pool.run_next() && pool.run_newest() && pool.run_nth(1));
    assert_eq!(notes.take(), [0, 5, 2]);
    assert!(!pool.run_nth(3), "three are left");
    assert_eq!(pool.run_all(), 3);
    assert_eq!(notes.take(), [1, 3, 4]);
    assert!(!pool.run_next() && !pool.run_newest() && !pool.discard_next());
}

/// P3
#[test]
fn run_all_runs_what_the_jobs_submit() {
    let (pool, notes) = (ManualPool::new(), Notes::default());
    let (inner, last) = (pool.clone(), notes.job(2));
    pool.submit(Job::new(move || inner.submit(last).unwrap()))
        .unwrap();
    assert_eq!(pool.run_all(), 2);
    assert_eq!(notes.take(), [2]);
}

/// P1
#[test]
fn every_end_is_counted_as_what_it_is() {
    let (pool, notes) = holding(2);
    pool.submit(Job::new(|| panic!("on purpose"))).unwrap();
    pool.submit_before(notes.job(3), Instant::now()).unwrap();
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
    assert_eq!(notes.take(), [1]);
}

/// P2
#[test]
fn a_full_pool_refuses_and_gives_the_job_back() {
    let (pool, notes) = (ManualPool::with_capacity(1), Notes::default());
    pool.submit(notes.job(0)).unwrap();
    let (job, reason) = pool.submit(notes.job(1)).unwrap_err().into_parts();
    assert!(matches!(reason, SubmitErrorReason::Full { capacity: 1 }));
    drop(job.run());
    assert_eq!(notes.take(), [1]);
    assert_eq!((pool.stats().submitted, pool.stats().rejected), (1, 1));
}

/// P5
#[test]
fn a_stop_drops_what_waits_and_refuses_what_comes() {
    let (pool, notes) = holding(3);
    assert!(pool.run_next());
    pool.stop();
    assert_eq!((pool.pending(), pool.stats().discarded), (0, 2));
    let refused = pool.submit(notes.job(9)).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Closed));
    assert!(!pool.run_next());
    assert_eq!(notes.take(), [0]);
}

/// P5
#[test]
fn a_release_runs_what_waits_on_the_caller() {
    let (pool, notes) = holding(3);
    let (said, ran_on) = channel();
    pool.submit(Job::new(move || said.send(thread::current().id()).unwrap()))
        .unwrap();
    pool.release();
    assert_eq!(notes.take(), [0, 1, 2]);
    assert_eq!(ran_on.recv().unwrap(), thread::current().id());
    assert!(pool.submit(notes.job(9)).is_err());
}

/// P5
#[test]
fn a_release_past_its_deadline_drops_what_waits_and_says_what_runs() {
    let (pool, notes) = holding(2);
    let (begun, begins) = channel();
    let (go, told) = channel::<()>();
    pool.submit(Job::new(move || {
        begun.send(()).unwrap();
        let _ = told.recv();
    }))
    .unwrap();
    let other = pool.clone();
    let runner = thread::spawn(move || assert!(other.run_newest()));
    begins.recv().unwrap();
    let left = pool.release_with_deadline(Instant::now());
    assert_eq!(left, Err(DrainTimeout::new(1, 2)));
    drop(go);
    assert_eq!(pool.stop_and_wait_for(Duration::from_secs(60)), Ok(()));
    runner.join().unwrap();
    assert_eq!((notes.take(), pool.stats().discarded), (vec![], 2));
}

/// P5
#[test]
fn a_job_may_release_its_own_pool() {
    let (pool, notes) = holding(1);
    let inner = pool.clone();
    pool.submit(Job::new(move || inner.release())).unwrap();
    assert!(pool.run_newest());
    assert_eq!(notes.take(), [0]);
}

/// P4
#[test]
fn the_pool_knows_who_runs_its_jobs() {
    let pool = ManualPool::new();
    let check = pool.worker_check().unwrap();
    assert!(!pool.on_worker() && !check());
    let inner = pool.clone();
    let asked = pool.worker_check().unwrap();
    pool.submit(Job::new(move || assert!(inner.on_worker() && asked())))
        .unwrap();
    assert!(pool.run_next());
    assert_eq!(pool.stats().failed, 0);
}

/// P4: a job that waits for another runs it.
#[test]
fn waiting_inside_a_job_runs_inline_to_the_stated_depth() {
    fn nest(pool: &ManualPool, depth: &Arc<Mutex<usize>>) {
        *depth.lock().unwrap() += 1;
        let (inner, deeper) = (pool.clone(), Arc::clone(depth));
        match pool.submit_and_wait(Job::new(move || nest(&inner, &deeper))) {
            Ok(()) => {}
            Err(WaitError::Rejected(refused)) => {
                assert!(matches!(
                    refused.reason,
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
fn a_closed_pool_runs_nothing_inline() {
    let pool = ManualPool::new();
    pool.stop();
    let refused = pool.run_inline(Job::new(|| {})).unwrap_err();
    assert!(matches!(refused.reason, SubmitErrorReason::Closed));
    let open = ManualPool::new().run_inline(Job::new(|| {}));
    assert!(matches!(open, Ok(JobOutcome::Completed)));
}

/// Calls its pool as it is dropped.
struct Caller(ManualPool);

impl Drop for Caller {
    fn drop(&mut self) {
        assert!(self.0.stats().is_balanced());
        let _ = self.0.submit(Job::new(|| {}));
    }
}

/// P5: no lock is held while a job is dropped.
#[test]
fn a_job_may_call_its_pool_as_it_is_dropped() {
    for drops in [ManualPool::stop, |pool: &ManualPool| {
        assert!(pool.discard_next())
    }] {
        let pool = ManualPool::new();
        let caller = Caller(pool.clone());
        pool.submit(Job::new(move || drop(caller))).unwrap();
        drops(&pool);
        assert_eq!(pool.stats().discarded, 1);
        pool.stop();
    }
}

/// P3: there is nobody to run it.
#[test]
fn the_last_handle_drops_what_waits() {
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

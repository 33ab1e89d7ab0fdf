//! Work that a waiting thread takes out of the queue and runs itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree_bounded::BoundedPool;
use soiree_core::{Job, JobId, MAX_INLINE_DEPTH, Pool, Task};

use crate::common::{RunLog, ScriptedExecutor, counts, submit_blocked};

#[derive(Default)]
struct Counted {
    ran_on: Mutex<Vec<thread::ThreadId>>,
    discarded: AtomicUsize,
}

impl Task for Counted {
    fn run(self: Arc<Self>) {
        self.ran_on.lock().unwrap().push(thread::current().id());
    }

    fn discarded(self: Arc<Self>) {
        self.discarded.fetch_add(1, Ordering::SeqCst);
    }
}

/// E3, P2: a queued job runs on the thread that waits for it, and its place is free at once. The permit that was sent for it does
/// nothing.
#[test]
fn a_queued_job_runs_on_the_thread_that_waits_for_it() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    let tasks: [Arc<Counted>; 3] = Default::default();
    let ids = tasks.each_ref().map(JobId::of);
    pool.submit(Job::from_task(tasks[0].clone())).unwrap();
    pool.submit(Job::from_task(tasks[1].clone())).unwrap();
    assert!(pool.try_submit(log.job("full")).is_err());
    for number in [1, 0] {
        assert!(pool.run_queued(ids[number]));
        let ran_on = tasks[number].ran_on.lock().unwrap().clone();
        assert_eq!(ran_on, [thread::current().id()]);
        assert!(!pool.run_queued(ids[number]), "it has left the queue");
    }
    assert!(!pool.run_queued(ids[2]), "it was never there");
    assert_eq!(counts(&pool), (0, 0, 2, 1, 2));
    pool.try_submit(log.job("first")).unwrap();
    pool.try_submit(log.job("second")).unwrap();
    executor.run_all();
    assert_eq!(log.take(), ["first", "second"]);
    assert_eq!(
        (pool.stats().discarded, counts(&pool)),
        (0, (0, 0, 4, 1, 4))
    );
}

/// E7, P2: the place goes to the one that has waited longest. A requeued job can be taken too, before it has a place; the job of
/// a blocked submitter cannot, as it was not accepted.
#[test]
fn the_place_of_a_taken_job_goes_to_the_next_in_line() {
    let (executor, log) = (ScriptedExecutor::new(), RunLog::default());
    let pool = executor.pool(1, 1);
    let tasks: [Arc<Counted>; 4] = Default::default();
    let ids = tasks.each_ref().map(JobId::of);
    let job = |number: usize| Job::from_task(tasks[number].clone());
    pool.submit(log.job("runs")).unwrap();
    pool.submit(job(0)).unwrap();
    let blocked = submit_blocked(&pool, job(1));
    pool.requeue(job(2)).unwrap();
    pool.requeue(job(3)).unwrap();
    assert!(!pool.run_queued(ids[1]));
    assert!(pool.run_queued(ids[3]));
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (1, 1));
    assert!(pool.run_queued(ids[0]));
    blocked.wait().unwrap();
    assert_eq!((pool.stats().blocked, pool.stats().requeued), (0, 1));
    assert!(pool.run_queued(ids[1]));
    assert_eq!(pool.stats().requeued, 0);
    executor.run_all();
    assert_eq!(counts(&pool), (0, 0, 5, 0, 5));
    for task in tasks {
        assert_eq!(task.discarded.load(Ordering::SeqCst), 0);
        assert_eq!(task.ran_on.lock().unwrap().len(), 1);
    }
}

/// P2: jobs that are taken from the middle of a long queue leave no trace, and the others keep their order.
#[test]
fn jobs_taken_from_the_middle_leave_the_order_as_it_is() {
    const JOBS: usize = 1_000;
    let executor = ScriptedExecutor::new();
    let pool = executor.pool(1, JOBS);
    let ran = Arc::new(Mutex::new(Vec::new()));
    let keys: Vec<Arc<()>> = (0..JOBS).map(|_| Arc::new(())).collect();
    for (number, key) in keys.iter().enumerate() {
        let (ran, kept) = (Arc::clone(&ran), Arc::clone(key));
        let job = Job::new(move || {
            let _kept = kept;
            ran.lock().unwrap().push(number);
        });
        pool.submit(job.with_id(JobId::of(key))).unwrap();
    }
    let is_taken = |number: &usize| number % 7 != 0 && number % 11 != 0;
    let (taken, left): (Vec<_>, Vec<_>) = (0..JOBS).partition(is_taken);
    for number in taken.iter().rev() {
        assert!(pool.run_queued(JobId::of(&keys[*number])));
    }
    let order = std::mem::take(&mut *ran.lock().unwrap());
    assert!(order.iter().eq(taken.iter().rev()));
    assert_eq!(pool.stats().waiting, left.len() - 1);
    executor.run_all();
    assert_eq!(*ran.lock().unwrap(), left);
    assert_eq!(pool.stats().successful, JOBS as u64);
}

/// P4: jobs that are taken inside one another are limited like inline jobs. Beyond the limit they stay in the queue.
#[test]
fn taken_jobs_do_not_run_without_limit_inside_one_another() {
    struct Nested {
        pool: Arc<BoundedPool<ScriptedExecutor>>,
        depth: AtomicUsize,
    }
    fn submit_and_take(nested: &Arc<Nested>) {
        let (key, inner) = (Arc::new(()), Arc::clone(nested));
        let kept = Arc::clone(&key);
        let job = Job::new(move || {
            let _kept = kept;
            inner.depth.fetch_add(1, Ordering::SeqCst);
            submit_and_take(&inner);
        });
        let submitted = nested.pool.try_submit(job.with_id(JobId::of(&key)));
        if submitted.is_ok() {
            nested.pool.run_queued(JobId::of(&key));
        }
    }
    let executor = ScriptedExecutor::new();
    let nested = Arc::new(Nested {
        pool: executor.pool(1, 4),
        depth: AtomicUsize::new(0),
    });
    submit_and_take(&nested);
    assert_eq!(nested.depth.load(Ordering::SeqCst), MAX_INLINE_DEPTH);
    let stats = nested.pool.stats();
    assert_eq!(stats.active + stats.waiting, 1);
    nested.pool.stop();
}

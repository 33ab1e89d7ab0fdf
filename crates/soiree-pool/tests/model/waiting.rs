//! Waiting for a place in the queue: blocked submitters and requeued jobs.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use shuttle::thread;
use soiree_pool::{Job, JobId, Overflow, Pool, SubmitErrorReason, WorkerPool};

use soiree_testkit::model::{Threads, explore};

use crate::common::{Ledger, NEVER, SOME, block_worker, one_of, pool};

fn yield_until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}

/// P2, P3: what waits first gets the first place, a blocked thread or a requeued job. A job that is submitted later overtakes
/// none of them.
#[test]
fn waiters_get_places_in_the_order_in_which_they_began_to_wait() {
    explore(|| {
        let capacity = one_of(&[0, 1]);
        let pool = Arc::new(pool(1, capacity).build().unwrap());
        let (ledger, order) = (Ledger::default(), Arc::new(Mutex::new(Vec::new())));
        let mut threads = Threads::default();
        let latch = block_worker(&pool, &ledger);
        ledger.submit(&pool, capacity);
        for number in 0..4 {
            let order = Arc::clone(&order);
            let job = Job::new(ledger.job_that(move || order.lock().unwrap().push(number)));
            if one_of(&[true, false]) {
                ledger.record(pool.requeue(job));
            } else {
                let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
                threads.start(move || {
                    ledger.record(pool.submit(job));
                });
            }
            yield_until(|| pool.stats().requeued + pool.stats().blocked > number);
        }
        {
            let (pool, ledger, order) = (Arc::clone(&pool), ledger.clone(), Arc::clone(&order));
            threads.start(move || {
                let job = ledger.job_that(move || order.lock().unwrap().push(4));
                ledger.record(pool.submit(job));
            });
        }
        latch.open();
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    });
}

/// P1, P2, P3: requeued jobs run once each, whatever else is submitted, gives up or changes the limit.
#[test]
fn requeueing_races_submitters_and_a_changing_limit() {
    explore(|| {
        let overflow = one_of(&[
            Overflow::Block,
            Overflow::BlockFor(SOME),
            Overflow::Reject,
            Overflow::DropOldest,
        ]);
        let pool = pool(one_of(&[1, 2]), one_of(&[0, 1, 2])).overflow(overflow);
        let pool = Arc::new(pool.idle_timeout(one_of(&[NEVER, SOME])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for requeues in [true, true, false, false] {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || match requeues {
                true => ledger.requeue(&pool, 2),
                false => ledger.submit(&pool, 2),
            });
        }
        for limit in [2, 1] {
            pool.resize(limit).unwrap();
        }
        threads.join();
        assert!(ledger.accepted() >= 4, "no requeued job is rejected");
        ledger.release_and_assert_settled(&pool);
        assert!(overflow == Overflow::DropOldest || ledger.ran() == ledger.accepted());
    });
}

/// P3, P5: a release runs what was requeued before it, and a stop discards it. Blocked submitters get their jobs back.
#[test]
fn requeued_jobs_and_blocked_submitters_race_the_end() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[0, 1])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        ledger.requeue(&pool, 2);
        for requeues in [true, false, false] {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || match requeues {
                true => ledger.requeue(&pool, 1),
                false => ledger.submit(&pool, 1),
            });
        }
        latch.open();
        let how = one_of(&[0, 1, 2, 3]);
        match how {
            0 => pool.release(),
            1 => pool.stop(),
            2 => drop(pool.release_with_deadline(Instant::now())),
            _ => drop(pool.stop_and_take_jobs()),
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert!(how != 0 || ledger.ran() == ledger.accepted());
    });
}

/// A pool some of whose threads fail to start, and others end before they run their body.
pub(crate) fn failing(workers: usize, capacity: usize) -> Arc<WorkerPool> {
    let pool = pool(workers, capacity).spawn_handler(|_, body| {
        thread::yield_now();
        match one_of(&[0, 1, 2, 3]) {
            0 => return Err(io::ErrorKind::WouldBlock.into()),
            1 => drop(body),
            2 => drop(thread::spawn(move || drop(body))),
            _ => drop(thread::spawn(body)),
        }
        Ok(())
    });
    let pool = pool.idle_timeout(one_of(&[NEVER, SOME]));
    Arc::new(pool.build().unwrap())
}

/// P3, P5, P8: no job waits without a worker, however threads fail. Only a pool without a worker rejects a requeued job.
#[test]
fn waiters_of_a_pool_whose_threads_fail_are_not_stranded() {
    explore(|| {
        let pool = failing(one_of(&[1, 2]), one_of(&[0, 1]));
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        for requeues in [true, false, false] {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || {
                for _ in 0..2 {
                    let submitted = match requeues {
                        true => pool.requeue(Job::new(ledger.job())),
                        false => pool.submit(ledger.job()),
                    };
                    if let Err(error) = &submitted {
                        assert!(matches!(error.reason, SubmitErrorReason::Spawn(_)));
                    }
                    ledger.record(submitted);
                }
            });
        }
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), ledger.accepted());
    });
}

/// P3: a job that a thread takes out of the queue runs there, or on a worker, and never twice. Its place goes to a waiter.
#[test]
fn running_a_queued_job_races_the_worker() {
    explore(|| {
        let pool = Arc::new(pool(1, one_of(&[1, 2])).build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        let latch = block_worker(&pool, &ledger);
        let ids: Vec<Arc<()>> = (0..3).map(|_| Arc::default()).collect();
        for id in &ids {
            let (kept, job) = (Arc::clone(id), ledger.job());
            let job = Job::new(move || {
                let _kept = kept;
                job();
            });
            ledger.record(pool.requeue(job.with_id(JobId::of(id))));
        }
        for _ in 0..2 {
            let (pool, ids) = (Arc::clone(&pool), ids.clone());
            threads.start(move || {
                for id in &ids {
                    pool.run_queued(JobId::of(id));
                }
            });
        }
        latch.open();
        threads.join();
        ledger.release_and_assert_settled(&pool);
        assert_eq!(ledger.ran(), 4);
    });
}

/// P1: a thread that waits until the pool is idle wakes when its last job has ended, on a worker or elsewhere.
#[test]
fn waiting_until_the_pool_is_idle_races_its_last_jobs() {
    explore(|| {
        let pool = pool(one_of(&[1, 2]), one_of(&[0, 1])).overflow(Overflow::CallerRuns);
        let pool = Arc::new(pool.build().unwrap());
        let (ledger, mut threads) = (Ledger::default(), Threads::default());
        ledger.submit(&pool, 1);
        for _ in 0..2 {
            let (pool, ledger) = (Arc::clone(&pool), ledger.clone());
            threads.start(move || ledger.submit(&pool, 2));
        }
        let never = Instant::now() + std::time::Duration::from_secs(1 << 20);
        assert!(pool.wait_idle(never));
        assert!(ledger.ran() >= 1);
        threads.join();
        assert!(pool.wait_idle(never));
        assert_eq!(ledger.ran(), 5);
        ledger.release_and_assert_settled(&pool);
    });
}

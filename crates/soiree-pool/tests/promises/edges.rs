//! Many threads at once: limits that change, policies while the pool closes, and the statistics meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Latch, TIMEOUT, assert_at_rest, until};
use soiree_pool::{
    Job, MAX_INLINE_DEPTH, Overflow, Pool, SubmitError, SubmitErrorReason, WorkerPool,
};

fn counting(count: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let count = Arc::clone(count);
    move || {
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// P4: the inline depth is limited on a thread that is no worker, too.
#[test]
fn caller_runs_goes_no_deeper_than_the_stated_depth() {
    let pool = Arc::new(
        WorkerPool::builder()
            .max_workers(1)
            .capacity(0)
            .overflow(Overflow::CallerRuns)
            .build()
            .unwrap(),
    );
    let latch = Latch::block_worker(&pool);
    fn nest(pool: &Arc<WorkerPool>, ran: &Arc<AtomicUsize>) -> Result<(), SubmitError> {
        let (inner, ran) = (Arc::clone(pool), Arc::clone(ran));
        pool.submit(move || {
            ran.fetch_add(1, Ordering::SeqCst);
            if let Err(rejected) = nest(&inner, &ran) {
                assert!(matches!(
                    rejected.reason,
                    SubmitErrorReason::RecursionLimit { depth: 16 }
                ));
            }
        })
    }
    let ran = Arc::default();
    nest(&pool, &ran).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), MAX_INLINE_DEPTH);
    assert_eq!(pool.stats().rejected, 1);
    latch.open();
    pool.release();
    assert_eq!(pool.stats().failed, 0);
    assert_at_rest(&pool);
}

/// P2, P5: for every reason of rejection, the job comes back and can be run.
#[test]
fn every_rejection_gives_the_job_back() {
    let ran = Arc::new(AtomicUsize::new(0));
    let full = |overflow| {
        let builder = WorkerPool::builder().max_workers(1).capacity(1);
        let pool = builder.overflow(overflow).build().unwrap();
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        (pool, latch)
    };
    let rejections: [fn(&WorkerPool, Job) -> SubmitError; 4] = [
        |pool, job| pool.submit(job).unwrap_err(),
        |pool, job| pool.try_submit(job).unwrap_err(),
        |pool, job| {
            let late = Instant::now() + TIMEOUT;
            pool.submit_before(job, late).unwrap_err()
        },
        |pool, job| {
            pool.stop();
            pool.submit(job).unwrap_err()
        },
    ];
    let policies = [
        Overflow::Reject,
        Overflow::BlockFor(Duration::from_micros(10)),
    ];
    for overflow in policies {
        let (pool, latch) = full(overflow);
        for rejection in rejections {
            let (job, reason) = rejection(&pool, Job::new(counting(&ran))).into_parts();
            let expected = match reason {
                SubmitErrorReason::Full { capacity } => capacity == 1,
                SubmitErrorReason::TimedOut { .. } => overflow != Overflow::Reject,
                SubmitErrorReason::Closed => pool.stats().discarded == 1,
                _ => false,
            };
            assert!(expected, "{reason:?}");
            drop(job.run());
        }
        latch.open();
        pool.release();
        assert_eq!(pool.stats().rejected, 4);
        assert_at_rest(&pool);
    }
    assert_eq!(ran.load(Ordering::SeqCst), 8);
}

/// P2: a higher limit takes effect for jobs that already wait, and for submitters that are already blocked.
#[test]
fn a_pool_resized_up_starts_what_waits() {
    for capacity in [0, 1, 4] {
        let pool = WorkerPool::new(1, capacity).unwrap();
        let first = Latch::block_worker(&pool);
        let (latches, jobs): (Vec<_>, Vec<_>) = (0..2).map(|_| Latch::job()).unzip();
        thread::scope(|scope| {
            for job in jobs {
                scope.spawn(|| pool.submit(job).unwrap());
            }
            pool.resize(3).unwrap();
            latches.iter().for_each(Latch::wait_running);
            assert_eq!(pool.stats().active, 3);
            pool.resize(1).unwrap();
        });
        first.open();
        latches.into_iter().for_each(Latch::open);
        until("two have exited", || pool.running() <= 1);
        pool.submit_and_wait(|| {}).unwrap();
        pool.release();
        assert_eq!(pool.stats().successful, 4);
        assert_at_rest(&pool);
    }
}

/// P2, P3: after the limit fell, no job starts while as many jobs run as the new limit allows.
#[test]
fn no_job_starts_above_a_limit_that_was_lowered() {
    let pool = WorkerPool::new(3, 64).unwrap();
    let running = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicUsize::new(0));
    for round in 0..100 {
        let max = 1 + round % 3;
        let idle = pool.submitted_tasks();
        until("the last round has ended", || {
            pool.successful_tasks() == idle
        });
        pool.resize(3).unwrap();
        let latches: Vec<Latch> = (0..3).map(|_| Latch::block_worker(&pool)).collect();
        pool.resize(max).unwrap();
        for _ in 0..20 {
            let (running, over) = (Arc::clone(&running), Arc::clone(&over));
            pool.submit(move || {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                over.fetch_add(usize::from(now > max), Ordering::SeqCst);
                thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
            })
            .unwrap();
        }
        latches.into_iter().for_each(Latch::open);
    }
    pool.release();
    assert_eq!(over.load(Ordering::SeqCst), 0);
    assert_eq!(pool.stats().successful, 2_300);
    assert_at_rest(&pool);
}

/// P5: many threads and workers may release at once; each release returns when all other workers have exited.
#[test]
fn releases_may_meet_one_another() {
    for round in 0..100 {
        let pool = Arc::new(WorkerPool::new(3, round % 4).unwrap());
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..6 {
            let (inner, ran) = (Arc::clone(&pool), Arc::clone(&ran));
            let submitted = pool.submit(move || {
                ran.fetch_add(1, Ordering::SeqCst);
                inner.release();
            });
            if submitted.is_err() {
                break;
            }
        }
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    pool.release();
                    assert_eq!(pool.running(), 0);
                });
            }
        });
        let stats = pool.stats();
        assert_eq!(stats.successful, ran.load(Ordering::SeqCst) as u64);
        assert_eq!((stats.submitted, stats.discarded), (stats.successful, 0));
        assert_at_rest(&pool);
    }
}

/// P3, P5: in a closing pool, `DropOldest` never discards a job to make room for one that is then rejected.
#[test]
fn dropping_the_oldest_ends_where_the_release_begins() {
    for _ in 0..200 {
        let builder = WorkerPool::builder().max_workers(1).capacity(1);
        let pool = builder.overflow(Overflow::DropOldest).build().unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let accepted = AtomicU64::new(0);
        let starting = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    starting.wait();
                    while pool.submit(counting(&ran)).is_ok() {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            starting.wait();
            until("some were accepted", || pool.submitted_tasks() > 5);
            pool.release();
            // The newest accepted job was in the queue, and no other job may have replaced it.
            assert!(ran.load(Ordering::SeqCst) > 0);
        });
        let stats = pool.stats();
        assert_eq!(stats.submitted, accepted.load(Ordering::SeqCst));
        assert_eq!(stats.successful, ran.load(Ordering::SeqCst) as u64);
        assert_eq!(stats.submitted, stats.successful + stats.discarded);
        assert_eq!(stats.rejected, 2);
        assert_at_rest(&pool);
    }
}

/// P1, P2: the statistics add up in every snapshot while jobs, resizes and reads run at once.
#[test]
fn the_statistics_hold_while_everything_happens_at_once() {
    const SUBMITTERS: usize = 3;
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::CallerRuns] {
        let pool = WorkerPool::builder()
            .max_workers(3)
            .capacity(3)
            .idle_timeout(Duration::from_nanos(1))
            .overflow(overflow)
            .build()
            .unwrap();
        let (ran, ended) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(false));
        thread::scope(|scope| {
            let submitters: Vec<_> = (0..SUBMITTERS)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..3_000 {
                            pool.submit(counting(&ran)).unwrap();
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                for step in 0.. {
                    if ended.load(Ordering::SeqCst) {
                        break;
                    }
                    pool.resize(1 + step % 3).unwrap();
                    thread::yield_now();
                }
            });
            scope.spawn(|| {
                let mut before = 0;
                while !ended.load(Ordering::SeqCst) {
                    let stats = pool.stats();
                    assert!(stats.is_balanced(), "{stats:?}");
                    assert!(stats.waiting <= 3, "{stats:?}");
                    let done = stats.successful + stats.discarded;
                    assert!(done >= before, "{stats:?} after {before}");
                    before = done;
                }
            });
            for submitter in submitters {
                submitter.join().unwrap();
            }
            ended.store(true, Ordering::SeqCst);
        });
        pool.release();
        let stats = pool.stats();
        assert_eq!(stats.submitted, 3_000 * SUBMITTERS as u64);
        assert_eq!(stats.successful, ran.load(Ordering::SeqCst) as u64);
        assert!(overflow == Overflow::DropOldest || stats.discarded == 0);
        assert_at_rest(&pool);
    }
}

/// P2, P4: `submit_now` follows the policy but never blocks; `try_submit` neither blocks nor runs the job inline.
#[test]
fn submitting_now_does_what_the_policy_says_without_waiting() {
    for overflow in [
        Overflow::Block,
        Overflow::BlockFor(TIMEOUT * 60),
        Overflow::Reject,
        Overflow::CallerRuns,
        Overflow::DropOldest,
    ] {
        let builder = WorkerPool::builder().max_workers(1).capacity(1);
        let pool = builder.overflow(overflow).build().unwrap();
        let latch = Latch::block_worker(&pool);
        pool.submit(|| {}).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let now = pool.submit_now(Job::new(counting(&ran)));
        assert_eq!(
            ran.load(Ordering::SeqCst) == 1,
            overflow == Overflow::CallerRuns
        );
        let tried = pool.try_submit(counting(&ran));
        let accepts = matches!(overflow, Overflow::CallerRuns | Overflow::DropOldest);
        assert_eq!(now.is_ok(), accepts, "{overflow:?}");
        assert_eq!(
            tried.is_ok(),
            overflow == Overflow::DropOldest,
            "{overflow:?}"
        );
        latch.open();
        pool.release();
        assert_eq!(
            ran.load(Ordering::SeqCst),
            usize::from(accepts),
            "{overflow:?}"
        );
        assert_at_rest(&pool);
    }
}

/// P2, P4: a pool used as a `dyn Pool` behaves the same.
#[test]
fn a_pool_is_the_same_behind_the_trait() {
    let pool = WorkerPool::new(2, 1).unwrap();
    let pool: &dyn Pool = &pool;
    let count = Arc::new(AtomicUsize::new(0));
    pool.resize(1).unwrap();
    assert_eq!(pool.stats().max_workers, 1);

    let (latch, job) = Latch::job();
    pool.try_submit(Job::new(job)).unwrap();
    latch.wait_running();
    pool.try_submit(Job::new(counting(&count))).unwrap();
    let rejected = pool.try_submit(Job::new(counting(&count))).unwrap_err();
    assert!(matches!(
        rejected.reason,
        SubmitErrorReason::Full { capacity: 1 }
    ));
    latch.open();

    let check = pool.worker_check().expect("the pool knows its workers");
    assert!(!check.is_worker() && !pool.on_worker());
    let (sender, answers) = std::sync::mpsc::channel();
    pool.submit(Job::new(move || {
        sender.send(check.is_worker()).expect("the test receives")
    }))
    .unwrap();
    assert!(answers.recv_timeout(TIMEOUT).expect("the job runs"));
    pool.release();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// P4: inside a job of a full pool, `submit_now` runs the job inline.
#[test]
fn submitting_now_on_a_worker_of_a_full_pool_runs_inline() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let (inner, ran) = (Arc::clone(&pool), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&ran);
    pool.submit_and_wait(move || {
        inner.submit(counting(&count)).unwrap();
        inner.submit_now(Job::new(counting(&count))).unwrap();
        assert_eq!(
            count.load(Ordering::SeqCst),
            1,
            "the second job ran on this thread"
        );
    })
    .unwrap();
    pool.release();
    assert_eq!(ran.load(Ordering::SeqCst), 2);
    assert_eq!(pool.stats().failed, 0);
    assert_at_rest(&pool);
}

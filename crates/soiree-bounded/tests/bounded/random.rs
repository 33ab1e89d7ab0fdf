//! Random operations from many threads, on an executor that sometimes fails. Every job is accounted for.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use soiree_bounded::{BoundedPool, Executor, Permit};
use soiree_core::{Job, JobId, Overflow, Pool, PoolOptions, ResizeError};

use crate::common::{TIME_LIMIT, in_thread};

const ROUNDS: u64 = 150;
const THREADS: u64 = 3;
const JOBS: u64 = 60;

/// A sequence of numbers that depend on the seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Runs each permit on a thread of its own, but fails for some, and drops some futures before their end.
struct Flaky {
    polls_futures: bool,
    sent: AtomicU64,
}

impl Executor for Flaky {
    fn execute(&self, permit: Permit) -> io::Result<()> {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        if number % 5 == 3 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let polls_futures = self.polls_futures;
        thread::Builder::new().spawn(move || match polls_futures {
            false => permit.run(),
            true => match permit.start() {
                Some(job) if number % 7 == 2 => drop(job),
                Some(job) => job.run(),
                None => {}
            },
        })?;
        Ok(())
    }

    fn polls_futures(&self) -> bool {
        self.polls_futures
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}

/// Counts jobs by what became of them.
#[derive(Default)]
struct Ledger {
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

struct Entry(Arc<Ledger>);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A job with an ID, which runs once at most: a closure, or a future that yields a few times.
fn job(ledger: &Arc<Ledger>, random: &mut Random) -> (Job, JobId) {
    let key = Arc::new(Entry(Arc::clone(ledger)));
    let id = JobId::of(&key);
    let job = match random.below(3) {
        0 => Job::new(move || {
            key.0.ran.fetch_add(1, Ordering::SeqCst);
        }),
        kind => {
            let mut yields = if kind == 1 { 0 } else { random.below(4) };
            Job::from_future(poll_fn(move |context| {
                if yields == 0 {
                    key.0.ran.fetch_add(1, Ordering::SeqCst);
                    return Poll::Ready(());
                }
                yields -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }))
        }
    };
    (job.with_id(id), id)
}

/// Returns how many jobs were accepted, and how many came back.
fn submit_jobs(pool: &BoundedPool<Flaky>, ledger: &Arc<Ledger>, mut random: Random) -> (u64, u64) {
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..JOBS {
        let (job, id) = job(ledger, &mut random);
        let submitted = match random.below(8) {
            0 | 1 => pool.submit(job),
            2 => pool.submit_now(job),
            3 => pool.try_submit(job),
            4 => pool.submit_before(job, Instant::now() + TIME_LIMIT),
            _ => pool.requeue(job),
        };
        match submitted {
            Ok(()) => accepted += 1,
            Err(_) => rejected += 1,
        }
        match random.below(8) {
            0 | 1 => drop(pool.run_queued(id)),
            2 => pool.resize(1 + random.below(3) as usize).unwrap(),
            _ => {}
        }
    }
    (accepted, rejected)
}

fn one_round(seed: u64) {
    let mut random = Random(seed);
    let overflow = [
        Overflow::Block,
        Overflow::BlockFor(Duration::from_micros(200)),
        Overflow::Reject,
        Overflow::CallerRuns,
        Overflow::DropOldest,
    ][random.below(5) as usize];
    let executor = Flaky {
        polls_futures: random.below(2) == 0,
        sent: AtomicU64::new(0),
    };
    let (max_workers, capacity) = (1 + random.below(3), random.below(4));
    let options = PoolOptions::new(max_workers as usize, capacity as usize).overflow(overflow);
    let pool = Arc::new(BoundedPool::new(executor, options).unwrap());
    let ledger = Arc::<Ledger>::default();
    let submitters: Vec<_> = (1..=THREADS)
        .map(|thread| {
            let (pool, ledger) = (Arc::clone(&pool), Arc::clone(&ledger));
            let random = Random(seed * 31 + thread);
            thread::spawn(move || submit_jobs(&pool, &ledger, random))
        })
        .collect();
    let end = random.below(3);
    if end == 0 {
        let soon = Instant::now() + Duration::from_millis(1);
        let _ = pool.release_with_deadline(soon);
    }
    let counts = submitters.into_iter().map(|one| one.join().unwrap());
    let (accepted, rejected) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    match end {
        0 => {}
        1 => pool.stop(),
        _ => assert!(pool.wait_idle(Instant::now() + TIME_LIMIT)),
    }
    pool.release();
    // A future that is polled at the deadline ends after it.
    assert!(pool.wait_idle(Instant::now() + TIME_LIMIT));
    let stats = pool.stats();
    assert!(stats.is_balanced() && stats.is_idle(), "{stats:?}");
    assert_eq!(
        (stats.submitted, stats.rejected),
        (accepted, rejected),
        "{stats:?}"
    );
    let ran = ledger.ran.load(Ordering::SeqCst) as u64;
    assert_eq!((stats.successful, stats.failed), (ran, 0), "{stats:?}");
    let dropped = ledger.dropped.load(Ordering::SeqCst) as u64;
    assert_eq!(dropped, THREADS * JOBS);
}

/// P1, P3, P8, E7: whatever the order of calls and failures, each job runs once, is discarded and counted, or comes back, and the
/// pool ends.
#[test]
fn every_job_is_accounted_for_under_random_operations() {
    for seed in 1..=ROUNDS {
        let round = in_thread(move || one_round(seed * 0x9E37_79B9));
        let ended = round.wait_for_end();
        assert!(ended, "the round with the seed {seed} has failed");
    }
}

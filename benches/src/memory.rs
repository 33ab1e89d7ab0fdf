//! What retains memory. The program `memory` measures it with a counting allocator.

use std::any::Any;
use std::sync::{Arc, Barrier};

use soiree::{EventPool, WorkerPool};

#[cfg(feature = "peers")]
use crate::pools::JobPool;
use crate::pools::worker_pool;

/// Values that retain memory as long as they live.
pub type Retained = Box<dyn Any>;

/// A kind of value whose memory use is measured.
pub struct MemoryCase {
    /// What one value is.
    pub name: &'static str,
    /// The crate that it belongs to.
    pub subject: &'static str,
    /// How many values `allocate(true)` makes.
    pub count: u64,
    /// With `true`, makes `count` values. With `false`, makes only what they live in. The difference is the memory of the values.
    pub allocate: fn(bool) -> Retained,
}

const LISTENERS: u64 = 100_000;
const JOBS: u64 = 100_000;
const TOPICS: u64 = 100_000;
const POOLS: u64 = 20;

/// Returns all kinds of values to measure. Those of other crates exist only with the feature `peers`.
pub fn memory_cases() -> Vec<MemoryCase> {
    let mut cases = Vec::new();
    let mut add = |name, subject, count, allocate| {
        cases.push(MemoryCase {
            name,
            subject,
            count,
            allocate,
        });
    };
    add(
        "listener on a pattern of its own",
        "soiree",
        LISTENERS,
        |full| listeners(full, |number| format!("account.{number}.user.*")),
    );
    add(
        "listener among others of its topic",
        "soiree",
        LISTENERS,
        |full| listeners(full, |_| "user.created".into()),
    );
    add("emitted topic", "soiree", TOPICS, emitted_topics);
    add("queued event", "soiree", JOBS, queued_events);
    add("queued job", "soiree", JOBS, queued_jobs);
    #[cfg(feature = "peers")]
    {
        use crate::pools::{TokioBlockingPool, TokioPool};
        add(
            "queued job",
            "threadpool",
            JOBS,
            queued_on_peer::<threadpool::ThreadPool>,
        );
        add(
            "queued job",
            "rayon",
            JOBS,
            queued_on_peer::<rayon::ThreadPool>,
        );
        add(
            "queued job",
            "rusty_pool",
            JOBS,
            queued_on_peer::<rusty_pool::ThreadPool>,
        );
        add(
            "queued job",
            "tokio spawn",
            JOBS,
            queued_on_peer::<TokioPool>,
        );
        add(
            "queued job",
            "tokio spawn_blocking",
            JOBS,
            queued_on_peer::<TokioBlockingPool>,
        );
    }
    add("idle pool of 2 workers", "soiree", POOLS, |full| {
        idle_pools(full, 2)
    });
    add("idle pool of 10 workers", "soiree", POOLS, |full| {
        idle_pools(full, 10)
    });
    cases
}

fn listeners(full: bool, pattern: impl Fn(u64) -> String) -> Retained {
    let soiree = EventPool::new();
    for number in 0..if full { LISTENERS } else { 0 } {
        soiree
            .on(&pattern(number), |_| {})
            .expect("the pattern is valid");
    }
    Box::new(soiree)
}

/// Even with `false`, emits a tenth of the topics: they fill the bounded cache of topics, so that the difference shows only what
/// every further topic retains.
fn emitted_topics(full: bool) -> Retained {
    let soiree = EventPool::new();
    soiree.on("**", |_| {}).expect("the pattern is valid");
    for number in 0..if full {
        TOPICS + TOPICS / 10
    } else {
        TOPICS / 10
    } {
        let topic = format!("account.{number}.user.created");
        for _ in 0..2 {
            let report = soiree
                .emit_sync(&topic, number)
                .expect("the event pool is open");
            assert_eq!(report.delivered(), 1);
        }
    }
    Box::new(soiree)
}

/// A pool whose only worker is blocked. Its queue has room for exactly the jobs to measure.
fn blocked_pool(full: bool) -> WorkerPool {
    let capacity = if full { JOBS as usize } else { 1 };
    let pool = WorkerPool::new(1, capacity).expect("the limits are valid");
    let started = Arc::new(Barrier::new(2));
    let job = blocking_job(Arc::clone(&started));
    pool.submit(job).expect("the pool is open");
    started.wait();
    pool
}

/// A job that reports its start and never ends.
fn blocking_job(started: Arc<Barrier>) -> impl FnOnce() + Send + 'static {
    move || {
        started.wait();
        loop {
            std::thread::park();
        }
    }
}

fn queued_jobs(full: bool) -> Retained {
    let pool = blocked_pool(full);
    for number in 0..if full { JOBS } else { 0 } {
        let job = move || consume(number);
        pool.submit(job).expect("the queue has room");
    }
    Box::new(pool)
}

fn queued_events(full: bool) -> Retained {
    let soiree = EventPool::with_pool(blocked_pool(full));
    soiree
        .on("user.created", |_| {})
        .expect("the topic is valid");
    for number in 0..if full { JOBS } else { 0 } {
        soiree
            .emit("user.created", number)
            .expect("the queue has room");
    }
    Box::new(soiree)
}

#[cfg(feature = "peers")]
fn queued_on_peer<P: JobPool>(full: bool) -> Retained {
    let pool = P::with_workers(1);
    let started = Arc::new(Barrier::new(2));
    pool.submit(blocking_job(Arc::clone(&started)));
    started.wait();
    for number in 0..if full { JOBS } else { 0 } {
        pool.submit(move || consume(number));
    }
    Box::new(pool)
}

fn consume(number: u64) {
    std::hint::black_box(number);
}

/// Pools, after each worker has run a job.
fn idle_pools(full: bool, workers: usize) -> Retained {
    let pool = |_| {
        let pool = worker_pool(workers);
        let started = Arc::new(Barrier::new(workers + 1));
        for _ in 0..workers {
            let started = Arc::clone(&started);
            let job = move || {
                started.wait();
            };
            pool.submit(job).expect("the pool is open");
        }
        started.wait();
        pool
    };
    let pools = 0..if full { POOLS } else { 0 };
    Box::new(pools.map(pool).collect::<Vec<_>>())
}

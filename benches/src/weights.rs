//! What stays in memory: prepared here, and weighed by a program whose allocator counts.

use std::any::Any;
use std::sync::{Arc, Barrier};

use soiree::{EventPool, WorkerPool};

#[cfg(feature = "peers")]
use crate::pools::JobPool;
use crate::pools::worker_pool;

/// Something that takes memory as long as it lives.
pub type Held = Box<dyn Any>;

/// Something to be weighed.
pub struct Weight {
    /// One of them.
    pub what: &'static str,
    /// Whose they are.
    pub contender: &'static str,
    /// How many of them `hold` makes.
    pub count: u64,
    /// Makes them; or with `false`, what is there without any.
    pub hold: fn(bool) -> Held,
}

const LISTENERS: u64 = 100_000;
const JOBS: u64 = 100_000;
const TOPICS: u64 = 100_000;
const POOLS: u64 = 20;

/// Everything that is weighed.
pub fn weights() -> Vec<Weight> {
    let mut weights = Vec::new();
    let mut add = |what, contender, count, hold| {
        weights.push(Weight {
            what,
            contender,
            count,
            hold,
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
            queued_at_peer::<threadpool::ThreadPool>,
        );
        add(
            "queued job",
            "rayon",
            JOBS,
            queued_at_peer::<rayon::ThreadPool>,
        );
        add(
            "queued job",
            "rusty_pool",
            JOBS,
            queued_at_peer::<rusty_pool::ThreadPool>,
        );
        add(
            "queued job",
            "tokio spawn",
            JOBS,
            queued_at_peer::<TokioPool>,
        );
        add(
            "queued job",
            "tokio spawn_blocking",
            JOBS,
            queued_at_peer::<TokioBlockingPool>,
        );
    }
    add("idle pool of 2 workers", "soiree", POOLS, |full| {
        idle_pools(full, 2)
    });
    add("idle pool of 10 workers", "soiree", POOLS, |full| {
        idle_pools(full, 10)
    });
    weights
}

fn listeners(full: bool, pattern: impl Fn(u64) -> String) -> Held {
    let soiree = EventPool::new();
    for number in 0..if full { LISTENERS } else { 0 } {
        soiree
            .on(&pattern(number), |_| {})
            .expect("the pattern is sound");
    }
    Box::new(soiree)
}

/// Without them, a tenth of them: what is known of topics has its bounds, which those reach.
fn emitted_topics(full: bool) -> Held {
    let soiree = EventPool::new();
    soiree.on("**", |_| {}).expect("the pattern is sound");
    for number in 0..if full {
        TOPICS + TOPICS / 10
    } else {
        TOPICS / 10
    } {
        let topic = format!("account.{number}.user.created");
        for _ in 0..2 {
            let report = soiree.emit_sync(&topic, number).expect("it is open");
            assert_eq!(report.delivered, 1);
        }
    }
    Box::new(soiree)
}

/// A pool whose one worker is held up, with room for what is to be queued and no more.
fn held_up(full: bool) -> WorkerPool {
    let capacity = if full { JOBS as usize } else { 1 };
    let pool = WorkerPool::new(1, capacity).expect("the limits make sense");
    let begun = Arc::new(Barrier::new(2));
    let job = held_up_job(Arc::clone(&begun));
    pool.submit(job).expect("the pool is open");
    begun.wait();
    pool
}

/// Says that it has begun, and never ends.
fn held_up_job(begun: Arc<Barrier>) -> impl FnOnce() + Send + 'static {
    move || {
        begun.wait();
        loop {
            std::thread::park();
        }
    }
}

fn queued_jobs(full: bool) -> Held {
    let pool = held_up(full);
    for number in 0..if full { JOBS } else { 0 } {
        let job = move || consume(number);
        pool.submit(job).expect("there is room");
    }
    Box::new(pool)
}

fn queued_events(full: bool) -> Held {
    let soiree = EventPool::with_pool(held_up(full));
    soiree
        .on("user.created", |_| {})
        .expect("the topic is sound");
    for number in 0..if full { JOBS } else { 0 } {
        soiree.emit("user.created", number).expect("there is room");
    }
    Box::new(soiree)
}

#[cfg(feature = "peers")]
fn queued_at_peer<P: JobPool>(full: bool) -> Held {
    let pool = P::with_workers(1);
    let begun = Arc::new(Barrier::new(2));
    pool.submit(held_up_job(Arc::clone(&begun)));
    begun.wait();
    for number in 0..if full { JOBS } else { 0 } {
        pool.submit(move || consume(number));
    }
    Box::new(pool)
}

fn consume(number: u64) {
    std::hint::black_box(number);
}

/// Pools whose workers have all run a job.
fn idle_pools(full: bool, workers: usize) -> Held {
    let pool = |_| {
        let pool = worker_pool(workers);
        let begun = Arc::new(Barrier::new(workers + 1));
        for _ in 0..workers {
            let begun = Arc::clone(&begun);
            let job = move || {
                begun.wait();
            };
            pool.submit(job).expect("the pool is open");
        }
        begun.wait();
        pool
    };
    let pools = 0..if full { POOLS } else { 0 };
    Box::new(pools.map(pool).collect::<Vec<_>>())
}

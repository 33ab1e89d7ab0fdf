//! Small jobs on a pool.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use soiree::WorkerPool;

use crate::case::Case;
use crate::latch::Latch;
use crate::measure::{measure, split_across_threads};
use crate::pools::{CAPACITY, ChannelPool, JobPool};
use crate::sample::Sample;

const PRODUCERS: [u64; 2] = [1, 2];
const WORKERS: [usize; 2] = [2, 10];
/// The pause before each job on an idle pool, so that its workers are asleep.
const PAUSE: Duration = Duration::from_micros(200);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = pool_cases::<WorkerPool>("soiree");
    cases.extend(pool_cases::<ChannelPool>("crossbeam, boxed jobs"));
    for_each_size(|producers, workers| {
        let workload = tiny_jobs_name(producers, workers);
        let make = move || jobs_by_value(producers, workers);
        cases.push(Case::new(workload, "crossbeam, jobs by value", make).threaded());
    });
    #[cfg(feature = "peers")]
    {
        use crate::pools::{TokioBlockingPool, TokioPool};
        cases.extend(pool_cases::<threadpool::ThreadPool>("threadpool"));
        cases.extend(pool_cases::<rayon::ThreadPool>("rayon"));
        cases.extend(pool_cases::<rusty_pool::ThreadPool>("rusty_pool"));
        cases.extend(pool_cases::<TokioPool>("tokio spawn"));
        cases.extend(pool_cases::<TokioBlockingPool>("tokio spawn_blocking"));
    }
    cases
}

/// The workloads that every pool runs.
fn pool_cases<P: JobPool>(subject: &'static str) -> Vec<Case> {
    let mut cases = vec![
        Case::new("idle-pool", subject, || idle_pool(P::with_workers(2))).threaded(),
        Case::new("pool-at-rest", subject, || {
            pool_at_rest(P::with_workers(10))
        })
        .threaded(),
    ];
    for_each_size(|producers, workers| {
        let make = move || tiny_jobs(producers, P::with_workers(workers));
        cases.push(Case::new(tiny_jobs_name(producers, workers), subject, make).threaded());
    });
    cases
}

fn for_each_size(mut act: impl FnMut(u64, usize)) {
    for producers in PRODUCERS {
        for workers in WORKERS {
            act(producers, workers);
        }
    }
}

fn tiny_jobs_name(producers: u64, workers: usize) -> String {
    format!("tiny-jobs-{producers}p-{workers}w")
}

fn tiny_jobs<P: JobPool>(producers: u64, pool: P) -> impl FnMut(u64) -> Sample {
    let latch = Latch::leaked();
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            split_across_threads(producers, ops, |ops| {
                (0..ops).for_each(|_| pool.submit(|| latch.count_down()));
            });
            latch.wait();
        });
        latch.assert_exact();
        sample
    }
}

/// Runs one job at a time. `wall` is the time from submit until the job runs. The percentiles `round-` are from submit until the
/// submitter knows that the job has ended.
fn idle_pool<P: JobPool>(pool: P) -> impl FnMut(u64) -> Sample {
    let latch = Latch::leaked();
    let epoch = Instant::now();
    let started: &'static AtomicU64 = Box::leak(Box::default());
    move |ops| {
        let mut to_run = Vec::with_capacity(ops as usize);
        let mut round_trips = Vec::with_capacity(ops as usize);
        let mut sample = measure(ops, || {
            for _ in 0..ops {
                thread::sleep(PAUSE);
                latch.reset(1);
                let submitted = epoch.elapsed();
                pool.submit(move || {
                    started.store(epoch.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    latch.count_down();
                });
                latch.wait();
                round_trips.push(epoch.elapsed() - submitted);
                to_run.push(Duration::from_nanos(started.load(Ordering::Relaxed)) - submitted);
            }
        });
        sample.wall = to_run.iter().sum();
        sample
            .with_percentiles("", to_run)
            .with_percentiles("round-", round_trips)
    }
}

/// Leaves the pool idle for one second, whatever number of operations is asked for. Only the CPU time matters.
fn pool_at_rest<P: JobPool>(pool: P) -> impl FnMut(u64) -> Sample {
    move |_| {
        let latch = Latch::leaked();
        latch.reset(100);
        (0..100).for_each(|_| pool.submit(|| latch.count_down()));
        latch.wait();
        latch.assert_exact();
        thread::sleep(Duration::from_millis(200));
        measure(1, || thread::sleep(Duration::from_secs(1)))
    }
}

/// Sends plain values through a channel to threads that all do the same work. This is the minimum: no closure, no allocation.
pub(crate) fn jobs_by_value(producers: u64, workers: usize) -> impl FnMut(u64) -> Sample {
    let latch = Latch::leaked();
    let (sender, receiver) = bounded::<u64>(CAPACITY);
    for _ in 0..workers {
        let values = receiver.clone();
        thread::spawn(move || values.iter().for_each(|_| latch.count_down()));
    }
    move |ops| {
        latch.reset(ops);
        let sample = measure(ops, || {
            split_across_threads(producers, ops, |ops| {
                (0..ops).for_each(|value| sender.send(value).expect("the workers are running"));
            });
            latch.wait();
        });
        latch.assert_exact();
        sample
    }
}

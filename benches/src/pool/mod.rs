//! Running small jobs on a pool.

#[cfg(feature = "peers")]
pub(crate) mod peers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use soiree::WorkerPool;

use crate::case::Case;
use crate::listening::Countdown;
use crate::meter::{Sample, measure, measure_threads};

/// Jobs that may wait, where that can be bounded.
pub(crate) const CAPACITY: usize = 1024;
const PRODUCERS: [u64; 2] = [1, 2];
const WORKERS: [usize; 2] = [2, 10];
/// How long a pool is left alone before the next job, so that its workers are asleep.
const PAUSE: Duration = Duration::from_micros(200);

/// A pool that somebody else wrote.
pub(crate) trait Jobs: Send + Sync + 'static {
    fn with_workers(workers: usize) -> Self;

    fn submit(&self, job: impl FnOnce() + Send + 'static);
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = of::<WorkerPool>("soiree");
    cases.extend(of::<Boxed>("crossbeam, boxed jobs"));
    for_each_size(|producers, workers| {
        let workload = tiny(producers, workers);
        let make = move || by_value(producers, workers);
        cases.push(Case::new(workload, "crossbeam, jobs by value", make).threaded());
    });
    #[cfg(feature = "peers")]
    cases.extend(peers::cases());
    cases
}

/// What every pool does.
fn of<P: Jobs>(contender: &'static str) -> Vec<Case> {
    let mut cases = vec![
        Case::new("idle-pool", contender, || on_idle_pool(P::with_workers(2))).threaded(),
        Case::new("pool-at-rest", contender, || at_rest(P::with_workers(10))).threaded(),
    ];
    for_each_size(|producers, workers| {
        let make = move || tiny_jobs(producers, P::with_workers(workers));
        cases.push(Case::new(tiny(producers, workers), contender, make).threaded());
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

fn tiny(producers: u64, workers: usize) -> String {
    format!("tiny-jobs-{producers}p-{workers}w")
}

fn tiny_jobs<P: Jobs>(producers: u64, pool: P) -> impl FnMut(u64) -> Sample {
    let countdown = Countdown::leaked();
    move |ops| {
        countdown.begin(ops);
        let sample = measure(ops, || {
            produce(producers, ops, |ops| {
                (0..ops).for_each(|_| pool.submit(|| countdown.hit()));
            });
            countdown.wait();
        });
        countdown.check();
        sample
    }
}

/// Has threads do their part each; one alone is the calling thread.
pub(crate) fn produce(producers: u64, ops: u64, act: impl Fn(u64) + Sync) {
    if producers == 1 {
        act(ops);
    } else {
        measure_threads(producers, ops, act);
    }
}

/// One job at a time. The sample is that of submit to run; `round-` are percentiles of submit until its end is known.
fn on_idle_pool<P: Jobs>(pool: P) -> impl FnMut(u64) -> Sample {
    let countdown = Countdown::leaked();
    let epoch = Instant::now();
    let begun: &'static AtomicU64 = Box::leak(Box::default());
    move |ops| {
        let mut to_run = Vec::with_capacity(ops as usize);
        let mut round_trips = Vec::with_capacity(ops as usize);
        let mut sample = measure(ops, || {
            for _ in 0..ops {
                thread::sleep(PAUSE);
                countdown.begin(1);
                let submitted = epoch.elapsed();
                pool.submit(move || {
                    begun.store(epoch.elapsed().as_nanos() as u64, Ordering::Relaxed);
                    countdown.hit();
                });
                countdown.wait();
                round_trips.push(epoch.elapsed() - submitted);
                to_run.push(Duration::from_nanos(begun.load(Ordering::Relaxed)) - submitted);
            }
        });
        sample.wall = to_run.iter().sum();
        sample
            .with_percentiles("", to_run)
            .with_percentiles("round-", round_trips)
    }
}

/// Whatever is asked for, it rests a second; the CPU time is what counts.
fn at_rest<P: Jobs>(pool: P) -> impl FnMut(u64) -> Sample {
    move |_| {
        let countdown = Countdown::leaked();
        countdown.begin(100);
        (0..100).for_each(|_| pool.submit(|| countdown.hit()));
        countdown.wait();
        countdown.check();
        thread::sleep(Duration::from_millis(200));
        measure(1, || thread::sleep(Duration::from_secs(1)))
    }
}

impl Jobs for WorkerPool {
    fn with_workers(workers: usize) -> Self {
        worker_pool(workers)
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        WorkerPool::submit(self, job).expect("the pool is open");
    }
}

pub(crate) fn worker_pool(workers: usize) -> WorkerPool {
    let builder = WorkerPool::builder()
        .min_workers(workers)
        .max_workers(workers);
    let pool = builder.capacity(CAPACITY).build();
    pool.expect("the limits make sense")
}

type BoxedJob = Box<dyn FnOnce() + Send>;

/// The least that a pool can be: threads that take boxed jobs from a channel.
struct Boxed {
    jobs: Option<Sender<BoxedJob>>,
    workers: Vec<JoinHandle<()>>,
}

impl Jobs for Boxed {
    fn with_workers(workers: usize) -> Self {
        let (sender, receiver) = bounded::<BoxedJob>(CAPACITY);
        let worker = |_| {
            let jobs = receiver.clone();
            thread::spawn(move || jobs.iter().for_each(|job| job()))
        };
        Self {
            jobs: Some(sender),
            workers: (0..workers).map(worker).collect(),
        }
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.as_ref().expect("it is open");
        jobs.send(Box::new(job)).expect("the workers live");
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            worker.join().expect("no job panics");
        }
    }
}

/// Less than a pool: threads that know what to do, and take from a channel with what.
pub(crate) fn by_value(producers: u64, workers: usize) -> impl FnMut(u64) -> Sample {
    let countdown = Countdown::leaked();
    let (sender, receiver) = bounded::<u64>(CAPACITY);
    for _ in 0..workers {
        let values = receiver.clone();
        thread::spawn(move || values.iter().for_each(|_| countdown.hit()));
    }
    move |ops| {
        countdown.begin(ops);
        let sample = measure(ops, || {
            produce(producers, ops, |ops| {
                (0..ops).for_each(|value| sender.send(value).expect("the workers live"));
            });
            countdown.wait();
        });
        countdown.check();
        sample
    }
}

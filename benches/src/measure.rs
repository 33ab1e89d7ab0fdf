//! Measuring work on one thread or on several.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::sample::Sample;

/// Work that can be done as often as one likes.
pub trait Bench {
    /// Does the work `ops` times, and makes sure that all of it was done.
    fn run(&mut self, ops: u64) -> Sample;
}

impl<F: FnMut(u64) -> Sample> Bench for F {
    fn run(&mut self, ops: u64) -> Sample {
        self(ops)
    }
}

/// The CPU time that this process has taken so far.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Measures `work`, which does something `ops` times.
pub(crate) fn measure(ops: u64, work: impl FnOnce()) -> Sample {
    let (started, cpu) = (Instant::now(), process_cpu());
    work();
    let wall = started.elapsed();
    Sample {
        ops,
        wall,
        cpu: process_cpu() - cpu,
        figures: Vec::new(),
    }
}

/// Has threads do a part of the `ops` each, and measures from when all are ready until the last has ended.
pub(crate) fn measure_threads(threads: u64, ops: u64, work: impl Fn(u64) + Sync) -> Sample {
    let ready = std::sync::Barrier::new(threads as usize + 1);
    let mut begun = None;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (ready, work) = (&ready, &work);
            scope.spawn(move || {
                ready.wait();
                work(ops / threads + u64::from(thread < ops % threads));
            });
        }
        ready.wait();
        begun = Some((Instant::now(), process_cpu()));
    });
    let (started, cpu) = begun.expect("the scope has run");
    Sample {
        ops,
        wall: started.elapsed(),
        cpu: process_cpu() - cpu,
        figures: Vec::new(),
    }
}

/// Has threads do their part each; one alone is the calling thread.
pub(crate) fn split_across_threads(threads: u64, ops: u64, act: impl Fn(u64) + Sync) {
    if threads == 1 {
        act(ops);
    } else {
        measure_threads(threads, ops, act);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_the_work() {
        let done = std::sync::atomic::AtomicU64::new(0);
        let sample = measure_threads(3, 10, |ops| {
            done.fetch_add(ops, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!((sample.ops, done.into_inner()), (10, 10));
    }
}

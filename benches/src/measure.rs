//! Measures work on one thread or on several.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::sample::Sample;

/// Work that can be repeated.
pub trait Bench {
    /// Does the work `ops` times, and measures it.
    ///
    /// # Panics
    ///
    /// If some of the work was not done.
    fn run(&mut self, ops: u64) -> Sample;
}

impl<F: FnMut(u64) -> Sample> Bench for F {
    fn run(&mut self, ops: u64) -> Sample {
        self(ops)
    }
}

/// The CPU time of this process so far, over all its threads.
pub fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Measures `work`, which does `ops` operations.
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

/// Splits `ops` across new threads. Measures from the moment all threads are ready until the last one ends.
pub(crate) fn measure_threads(threads: u64, ops: u64, work: impl Fn(u64) + Sync) -> Sample {
    let ready = std::sync::Barrier::new(threads as usize + 1);
    let mut start = None;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (ready, work) = (&ready, &work);
            scope.spawn(move || {
                ready.wait();
                work(ops / threads + u64::from(thread < ops % threads));
            });
        }
        ready.wait();
        start = Some((Instant::now(), process_cpu()));
    });
    let (started, cpu) = start.expect("the scope has set it");
    Sample {
        ops,
        wall: started.elapsed(),
        cpu: process_cpu() - cpu,
        figures: Vec::new(),
    }
}

/// Splits `ops` across new threads and waits for them. With one thread, the calling thread does the work.
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

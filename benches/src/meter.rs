//! What is measured, and how.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

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

/// What one run took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// How often the work was done.
    pub ops: u64,
    /// How long it took.
    pub wall: Duration,
    /// How much CPU time the whole process took for it.
    pub cpu: Duration,
    /// Further figures by name, in nanoseconds.
    pub figures: Vec<(String, u64)>,
}

impl Sample {
    /// Nanoseconds for each time that the work was done.
    pub fn wall_per_op(&self) -> f64 {
        self.wall.as_nanos() as f64 / self.ops as f64
    }

    /// Nanoseconds of CPU time for each time that the work was done.
    pub fn cpu_per_op(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.ops as f64
    }

    /// The further figure of that name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures
            .find(|(found, _)| found == name)
            .map(|(_, value)| *value as f64)
    }

    /// With percentiles of these durations, as `p50`, `p99` and `p99.9` after a prefix.
    pub(crate) fn with_percentiles(mut self, prefix: &str, mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let last = durations.len().saturating_sub(1);
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            let at = (last as f64 * share).round() as usize;
            if let Some(duration) = durations.get(at) {
                self.figures
                    .push((format!("{prefix}{name}"), duration.as_nanos() as u64));
            }
        }
        self
    }
}

/// One line, which [`FromStr`] reads.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wall, cpu) = (self.wall.as_nanos(), self.cpu.as_nanos());
        write!(f, "ops={} wall={wall} cpu={cpu}", self.ops)?;
        self.figures
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut sample = Self::default();
        for word in line.split_whitespace() {
            let pair = word.split_once('=');
            let pair = pair.and_then(|(name, value)| Some((name, value.parse().ok()?)));
            let (name, value): (&str, u64) = pair.ok_or_else(|| format!("no figure: {word:?}"))?;
            match name {
                "ops" => sample.ops = value,
                "wall" => sample.wall = Duration::from_nanos(value),
                "cpu" => sample.cpu = Duration::from_nanos(value),
                _ => sample.figures.push((name.into(), value)),
            }
        }
        if sample.ops == 0 {
            return Err(format!("nothing was done: {line:?}"));
        }
        Ok(sample)
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
    fn a_sample_survives_being_printed_and_read() {
        let durations = (1..=1000).map(Duration::from_nanos).collect();
        let sample = Sample {
            ops: 3,
            wall: Duration::from_nanos(10),
            cpu: Duration::from_nanos(20),
            figures: Vec::new(),
        };
        let sample = sample.with_percentiles("run-", durations);
        assert_eq!(sample.figure("run-p50"), Some(501.0));
        assert_eq!(sample.figure("run-p99"), Some(990.0));
        assert_eq!(sample.to_string().parse(), Ok(sample));
        for bad in ["", "ops=0", "ops=1 wall", "ops=1 wall=x"] {
            assert!(bad.parse::<Sample>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn threads_share_the_work() {
        let done = std::sync::atomic::AtomicU64::new(0);
        let sample = measure_threads(3, 10, |ops| {
            done.fetch_add(ops, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!((sample.ops, done.into_inner()), (10, 10));
    }
}

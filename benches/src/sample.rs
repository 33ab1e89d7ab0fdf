//! The result of one run.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// The number of operations.
    pub ops: u64,
    /// The elapsed time of all operations.
    pub wall: Duration,
    /// The CPU time that the whole process used for them.
    pub cpu: Duration,
    /// Further results by name, in nanoseconds.
    pub figures: Vec<(String, u64)>,
}

impl Sample {
    /// Elapsed nanoseconds per operation.
    pub fn wall_per_op(&self) -> f64 {
        self.wall.as_nanos() as f64 / self.ops as f64
    }

    /// Nanoseconds of CPU time per operation.
    pub fn cpu_per_op(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.ops as f64
    }

    /// The further result with this name, in nanoseconds.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures
            .find(|(found, _)| found == name)
            .map(|(_, value)| *value as f64)
    }

    /// Adds the percentiles `p50`, `p99` and `p99.9` of these durations. The prefix goes before their names.
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

/// Writes one line, which [`FromStr`] reads.
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
            let (name, value): (&str, u64) =
                pair.ok_or_else(|| format!("not name=number: {word:?}"))?;
            match name {
                "ops" => sample.ops = value,
                "wall" => sample.wall = Duration::from_nanos(value),
                "cpu" => sample.cpu = Duration::from_nanos(value),
                _ => sample.figures.push((name.into(), value)),
            }
        }
        if sample.ops == 0 {
            return Err(format!("no operations: {line:?}"));
        }
        Ok(sample)
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
}

//! The latest values of a figure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Percentiles and shares are those of the last 10 seconds.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// At most this many values are kept, the latest.
const SAMPLES: usize = 4096;

/// The latest values, each with its time.
#[derive(Default)]
pub(crate) struct Recent(VecDeque<(Instant, f64)>);

impl Recent {
    pub(crate) fn add(&mut self, value: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((Instant::now(), value));
    }

    /// Returns the values of the window, ascending.
    fn sorted(&mut self) -> Vec<f64> {
        while self.0.front().is_some_and(|(at, _)| at.elapsed() > WINDOW) {
            self.0.pop_front();
        }
        let mut sorted: Vec<f64> = self.0.iter().map(|(_, value)| *value).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Returns the median, the 99th percentile and the maximum in seconds, or `null` without values.
    pub(crate) fn percentiles(&mut self) -> Value {
        let sorted = self.sorted();
        let Some(max) = sorted.last() else {
            return Value::Null;
        };
        // Nearest rank: the smallest value that at least this share of all values does not exceed.
        let rank = |share: f64| (share * sorted.len() as f64).ceil() as usize;
        let at = |share| sorted[rank(share).clamp(1, sorted.len()) - 1];
        json!({ "p50": at(0.5), "p99": at(0.99), "max": max })
    }

    /// Returns `None` without values.
    pub(crate) fn mean(&mut self) -> Option<f64> {
        let all = self.sorted();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }
}

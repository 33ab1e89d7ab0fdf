//! How values are distributed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How values are distributed over ranges.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// For each upper bound, in ascending order, how many values are no larger, and larger than the bound before. The last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there are.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// A histogram that several threads may read while one adds to it.
#[derive(Debug)]
pub(crate) struct Distribution<const N: usize> {
    bounds: [f64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    /// In units of `unit`.
    sum: AtomicU64,
    unit: f64,
}

impl<const N: usize> Distribution<N> {
    /// Bounds that double, from `first` on. Values are multiples of `unit`.
    pub(crate) fn doubling(first: f64, unit: f64) -> Self {
        let mut bounds = [first; N];
        for index in 1..N {
            bounds[index] = 2.0 * bounds[index - 1];
        }
        Self {
            bounds,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            unit,
        }
    }

    pub(crate) fn add(&self, units: u64) {
        let value = units as f64 * self.unit;
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        let count = bucket.map_or(&self.above, |bucket| &self.counts[bucket]);
        count.fetch_add(1, Relaxed);
        self.sum.fetch_add(units, Relaxed);
    }

    pub(crate) fn read(&self) -> Histogram {
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        let mut buckets: Vec<(f64, u64)> = self.bounds.iter().copied().zip(counts).collect();
        buckets.push((f64::INFINITY, self.above.load(Relaxed)));
        Histogram {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: self.sum.load(Relaxed) as f64 * self.unit,
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_the_first_bucket_that_it_fits() {
        let distribution = Distribution::<3>::doubling(1.0, 0.5);
        for units in [0, 2, 3, 8, 9] {
            distribution.add(units);
        }
        let read = distribution.read();
        assert_eq!(
            read.buckets,
            [(1.0, 2), (2.0, 1), (4.0, 1), (f64::INFINITY, 1)]
        );
        assert_eq!((read.count, read.sum), (5, 11.0));
    }
}

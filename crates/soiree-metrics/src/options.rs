//! What can be chosen about metrics, and what makes no sense.

use crate::metrics::Metrics;

/// From a tenth of a millisecond, about what a hand-over takes, to ten seconds.
const BUCKETS: [f64; 15] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const LABEL_SETS: usize = 500;

/// Makes a [`Metrics`] other than the default one.
///
/// ```
/// use soiree_metrics::Metrics;
///
/// let metrics = Metrics::builder()
///     .buckets([0.001, 0.01, 0.1, 1.0])
///     .max_label_sets(50)
///     .build()?;
/// # Ok::<(), soiree_metrics::BuildError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct MetricsBuilder {
    pub(crate) buckets: Vec<f64>,
    pub(crate) max_label_sets: usize,
}

/// Options of metrics that make no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A bucket's bound is not a positive, finite number of seconds.
    #[error("bucket {index} is {bound} seconds; a bound is positive and finite")]
    Bound {
        /// Which one, counted from 0.
        index: usize,
        /// What it was.
        bound: f64,
    },
    /// Bounds do not ascend.
    #[error("bucket {index} is {bound} seconds and does not lie above the one before it")]
    Order {
        /// Which one, counted from 0.
        index: usize,
        /// What it was.
        bound: f64,
    },
    /// There is room for no label set, so that nothing could be told apart.
    #[error("max_label_sets is 0; it is at least 1")]
    NoLabelSets,
}

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self {
            buckets: BUCKETS.into(),
            max_label_sets: LABEL_SETS,
        }
    }
}

impl MetricsBuilder {
    /// The upper bounds of the histograms' buckets in seconds, ascending; a last bucket without bound is always there. By
    /// default fifteen, from 0.0001 to 10. Each bucket is a series for each label set.
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.buckets = bounds.into_iter().collect();
        self
    }

    /// How many pairs of listener and pattern an `EventPool`'s metrics tell apart, and how many pools in histograms; 500 each
    /// by default. Those that come later share the label [`OTHER`](crate::OTHER), and are counted.
    pub fn max_label_sets(mut self, most: usize) -> Self {
        self.max_label_sets = most;
        self
    }

    /// Makes the metrics.
    ///
    /// # Errors
    /// If a bucket's bound is not positive and finite, or bounds do not ascend, or there is room for no label set.
    pub fn build(self) -> Result<Metrics, BuildError> {
        let mut before = 0.0;
        for (index, &bound) in self.buckets.iter().enumerate() {
            if !bound.is_finite() || bound <= 0.0 {
                return Err(BuildError::Bound { index, bound });
            }
            if bound <= before {
                return Err(BuildError::Order { index, bound });
            }
            before = bound;
        }
        if self.max_label_sets == 0 {
            return Err(BuildError::NoLabelSets);
        }
        Ok(Metrics::with(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(builder: MetricsBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn options_that_make_no_sense_are_refused_by_name() {
        let builder = Metrics::builder;
        assert_eq!(
            refused(builder().buckets([0.1, 0.1])),
            "bucket 1 is 0.1 seconds and does not lie above the one before it"
        );
        for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                refused(builder().buckets([bound])),
                format!("bucket 0 is {bound} seconds; a bound is positive and finite")
            );
        }
        assert_eq!(
            refused(builder().max_label_sets(0)),
            "max_label_sets is 0; it is at least 1"
        );
        assert!(builder().buckets([]).build().is_ok());
    }
}

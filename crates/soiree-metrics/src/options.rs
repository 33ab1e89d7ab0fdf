//! The options of metrics, and which of them are invalid.

/// From a tenth of a millisecond, about what handing a job to a worker takes, to ten seconds.
const DEFAULT_BUCKETS: [f64; 15] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const DEFAULT_MAX_LABEL_SETS: usize = 500;

#[derive(Debug, Clone)]
pub(crate) struct MetricsOptions {
    pub(crate) buckets: Vec<f64>,
    pub(crate) max_label_sets: usize,
}

/// An option of metrics is invalid: which one, and its value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The bound of a bucket is not a positive, finite number of seconds.
    #[error("bucket {index} is {bound} seconds; a bound is positive and finite")]
    Bound {
        /// The index of the bucket, from 0.
        index: usize,
        /// Its bound in seconds.
        bound: f64,
    },
    /// The bounds do not ascend.
    #[error("bucket {index} is {bound} seconds and does not lie above the one before it")]
    Order {
        /// The index of the first bucket out of order, from 0.
        index: usize,
        /// Its bound in seconds.
        bound: f64,
    },
    /// The limit of label sets is 0.
    #[error("max_label_sets is 0; it is at least 1")]
    NoLabelSets,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            buckets: DEFAULT_BUCKETS.into(),
            max_label_sets: DEFAULT_MAX_LABEL_SETS,
        }
    }
}

impl MetricsOptions {
    pub(crate) fn check(&self) -> Result<(), BuildError> {
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
        Ok(())
    }
}

//! Making metrics with options.

use crate::metrics::Metrics;
use crate::options::{BuildError, MetricsOptions};

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
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct MetricsBuilder {
    options: MetricsOptions,
}

impl Metrics {
    /// Metrics with options.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }
}

impl MetricsBuilder {
    /// The upper bounds of the histograms' buckets in seconds, ascending; a last bucket without bound is always there. By
    /// default fifteen, from 0.0001 to 10. Each bucket is a series for each label set.
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.options.buckets = bounds.into_iter().collect();
        self
    }

    /// How many pairs of listener and pattern an `EventPool`'s metrics tell apart, and how many pools in histograms; 500 each
    /// by default. Those that come later share the label [`OTHER`](crate::OTHER), and are counted.
    pub fn max_label_sets(mut self, most: usize) -> Self {
        self.options.max_label_sets = most;
        self
    }

    /// Makes the metrics.
    ///
    /// # Errors
    /// If a bucket's bound is not positive and finite, or bounds do not ascend, or there is room for no label set.
    pub fn build(self) -> Result<Metrics, BuildError> {
        self.options.check()?;
        Ok(Metrics::with(self.options))
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

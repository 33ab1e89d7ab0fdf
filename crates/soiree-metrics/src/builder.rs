//! Making metrics with options.

use crate::metrics::Metrics;
use crate::options::{BuildError, MetricsOptions};

/// Makes [`Metrics`] with options.
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
    /// Starts with the default options.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }
}

impl MetricsBuilder {
    /// Sets the upper bounds of the histogram buckets, in seconds and ascending. By default fifteen, from 0.0001 to 10.
    ///
    /// A last bucket without a bound is always added. Each bucket is one more series for each label set.
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.options.buckets = bounds.into_iter().collect();
        self
    }

    /// Limits the label sets of each `EventPool`: pairs of listener and pattern, and, in histograms, pools. By default 500 each.
    ///
    /// Label sets beyond the limit share the label [`OTHER`](crate::OTHER), so they cannot be distinguished;
    /// `soiree_metrics_overflowed_total` counts them.
    pub fn max_label_sets(mut self, max: usize) -> Self {
        self.options.max_label_sets = max;
        self
    }

    /// Makes the metrics.
    ///
    /// # Errors
    /// If the bound of a bucket is not positive and finite, the bounds do not ascend, or the limit of label sets is 0.
    pub fn build(self) -> Result<Metrics, BuildError> {
        self.options.check()?;
        Ok(Metrics::with_options(self.options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: MetricsBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn an_invalid_option_is_rejected_with_its_name_and_value() {
        let builder = Metrics::builder;
        assert_eq!(
            error(builder().buckets([0.1, 0.1])),
            "bucket 1 is 0.1 seconds and does not lie above the one before it"
        );
        for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                error(builder().buckets([bound])),
                format!("bucket 0 is {bound} seconds; a bound is positive and finite")
            );
        }
        assert_eq!(
            error(builder().max_label_sets(0)),
            "max_label_sets is 0; it is at least 1"
        );
        assert!(builder().buckets([]).build().is_ok());
    }
}

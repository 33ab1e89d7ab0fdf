//! What is counted as it happens. The rest is read from the pools at each scrape.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use soiree_core::{EmissionRejected, Rejection, SubmitErrorReason};

/// Of one listener name and pattern.
pub(crate) struct ListenerFigures {
    pub(crate) delivered: Counter,
    pub(crate) failed: Counter,
    pub(crate) panicked: Counter,
    pub(crate) timed_out: Counter,
    pub(crate) cancelled: Counter,
    pub(crate) retried: Counter,
    pub(crate) not_called: Counter,
    pub(crate) slow: Counter,
    pub(crate) run: Histogram,
}

/// Of one pool, beyond its own.
pub(crate) struct PoolFigures {
    pub(crate) wait: Histogram,
    pub(crate) run: Histogram,
}

/// Of the emissions of one `EventPool`.
#[derive(Default)]
pub(crate) struct EmissionFigures {
    pub(crate) accepted: Counter,
    pub(crate) aborted: Counter,
    pub(crate) discarded: Counter,
    pub(crate) dead_events: Counter,
    pub(crate) dead_letters: Counter,
    /// In the order of [`REFUSALS`].
    pub(crate) refused: [Counter; REFUSALS.len()],
}

/// Why emissions are refused. Each is there from the start, so that the first refusal shows as an increase.
pub(crate) const REFUSALS: [&str; 7] = [
    "closed",
    "full",
    "invalid_topic",
    "no_worker",
    "other",
    "timed_out",
    "too_deep",
];

impl ListenerFigures {
    pub(crate) fn new(buckets: &[f64]) -> Self {
        Self {
            delivered: Counter::default(),
            failed: Counter::default(),
            panicked: Counter::default(),
            timed_out: Counter::default(),
            cancelled: Counter::default(),
            retried: Counter::default(),
            not_called: Counter::default(),
            slow: Counter::default(),
            run: Histogram::new(buckets.iter().copied()),
        }
    }
}

impl PoolFigures {
    pub(crate) fn new(buckets: &[f64]) -> Self {
        Self {
            wait: Histogram::new(buckets.iter().copied()),
            run: Histogram::new(buckets.iter().copied()),
        }
    }
}

impl EmissionFigures {
    pub(crate) fn refused(&self, refused: &EmissionRejected<'_>) {
        let reason = match refused.reason {
            Rejection::InvalidTopic(_) => "invalid_topic",
            Rejection::Closed => "closed",
            Rejection::Pool { reason, .. } => match reason {
                SubmitErrorReason::Closed => "closed",
                SubmitErrorReason::Full { .. } => "full",
                SubmitErrorReason::TimedOut { .. } => "timed_out",
                SubmitErrorReason::RecursionLimit { .. } => "too_deep",
                SubmitErrorReason::Spawn(_) => "no_worker",
                _ => "other",
            },
            _ => "other",
        };
        if let Some(index) = REFUSALS.iter().position(|known| *known == reason) {
            self.refused[index].inc();
        }
    }
}

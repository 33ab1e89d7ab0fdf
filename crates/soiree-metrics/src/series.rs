//! The series that count what happens. All others are read from the pools at each scrape.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use soiree_core::{EmissionRejected, OrderRejection, Rejection, SubmitErrorReason};

/// The series of one pair of listener name and pattern.
pub(crate) struct ListenerSeries {
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

/// The series of one pool that its `PoolStats` do not have.
pub(crate) struct PoolSeries {
    pub(crate) wait: Histogram,
    pub(crate) run: Histogram,
}

/// The series of all emissions of one `EventPool`.
#[derive(Default)]
pub(crate) struct EmissionSeries {
    pub(crate) accepted: Counter,
    pub(crate) aborted: Counter,
    pub(crate) discarded: Counter,
    pub(crate) failed: Counter,
    pub(crate) unheard_events: Counter,
    pub(crate) dead_letters: Counter,
    /// In the order of [`REJECTION_REASONS`].
    pub(crate) rejected: [Counter; REJECTION_REASONS.len()],
}

/// Why emissions are rejected. All series exist from the start, so that the first rejection shows as an increase.
pub(crate) const REJECTION_REASONS: [&str; 11] = [
    "closed",
    "full",
    "invalid_topic",
    "key_busy",
    "key_full",
    "key_panicked",
    "no_worker",
    "other",
    "recursion_limit",
    "timed_out",
    "would_block",
];

impl ListenerSeries {
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

impl PoolSeries {
    pub(crate) fn new(buckets: &[f64]) -> Self {
        Self {
            wait: Histogram::new(buckets.iter().copied()),
            run: Histogram::new(buckets.iter().copied()),
        }
    }
}

impl EmissionSeries {
    pub(crate) fn count_rejection(&self, rejected: &EmissionRejected<'_>) {
        let reason = match rejected.reason {
            Rejection::InvalidTopic(_) => "invalid_topic",
            Rejection::Closed => "closed",
            Rejection::Reserved => "reserved",
            Rejection::Cancelled => "cancelled",
            Rejection::RecursionLimit { .. } => "recursion_limit",
            Rejection::Pool { reason, .. } => match reason {
                SubmitErrorReason::Closed => "closed",
                SubmitErrorReason::Full { .. } => "full",
                SubmitErrorReason::TimedOut { .. } => "timed_out",
                SubmitErrorReason::RecursionLimit { .. } => "recursion_limit",
                SubmitErrorReason::WouldBlock => "would_block",
                SubmitErrorReason::Spawn(_) => "no_worker",
                _ => "other",
            },
            Rejection::Order(reason) => match reason {
                OrderRejection::KeyQueueFull { .. } => "key_full",
                OrderRejection::KeyBusy { .. } => "key_busy",
                OrderRejection::KeyPanicked { .. } => "key_panicked",
                _ => "other",
            },
            _ => "other",
        };
        if let Some(index) = REJECTION_REASONS.iter().position(|known| *known == reason) {
            self.rejected[index].inc();
        }
    }
}

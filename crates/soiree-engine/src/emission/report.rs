//! How an emission ended.

use std::sync::Arc;

use soiree_core::ListenerError;

use super::extras::{Abort, Extras};
use crate::dispatch::Counts;

/// How an emission ended.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Listeners that were called, whether or not they failed.
    pub delivered: u64,
    /// Listeners among `delivered` that returned an error, panicked or timed out, including those whose errors the error handler swallowed.
    pub failed: u64,
    /// Listeners among `failed` that had not returned within their [timeout](soiree_core::ListenerOptions::timeout) at their last attempt.
    pub timed_out: u64,
    /// Listeners with a pool of their own that rejected or dropped them. They are not among `delivered`.
    pub not_called: u64,
    /// Retries of listeners that failed.
    pub retried: u64,
    /// Errors that the error handler did not swallow, oldest first, as many as the error buffer holds.
    pub errors: Vec<ListenerError>,
    /// How many more errors there were.
    pub omitted_errors: u64,
    /// The event was aborted. Listeners that had not started were skipped.
    pub aborted: bool,
    /// The emission was dropped before it ran: its pool was stopped, dropped jobs from its queue, or lost its threads.
    pub discarded: bool,
    /// The emission had not ended when this report was made. Only a thread that would wait for itself gets such a report: a listener that
    /// waits for the emission it was called by, a listener that blocks on an emission whose
    /// [async listeners](soiree_core::AsyncListener) need the bulkhead it runs on, and a handler that is called for a timeout.
    pub unfinished: bool,
    pub(crate) extras: Option<Arc<Extras>>,
}

/// Why an emission was not entirely successful.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Listeners failed.
    #[error("{failed} of {delivered} listeners failed, the first: {first}")]
    Failed {
        /// Errors that were not swallowed.
        failed: u64,
        /// Listeners called.
        delivered: u64,
        /// The first error.
        #[source]
        first: ListenerError,
        /// All errors that were kept.
        errors: Vec<ListenerError>,
    },
    /// The event was aborted, and no listener failed.
    #[error("the event was aborted after {delivered} listeners{}", shown(abort))]
    Aborted {
        /// Listeners called.
        delivered: u64,
        /// Who aborted it, and why, if that is known.
        abort: Option<Abort>,
    },
    /// The emission was dropped before it ran.
    #[error("the emission was discarded before it ran")]
    Discarded,
    /// The emission had not ended.
    #[error("the emission has not ended")]
    Unfinished,
    /// There were errors, but the error buffer keeps none.
    #[error("{omitted} listeners failed, and the error buffer keeps no errors")]
    Omitted {
        /// How many.
        omitted: u64,
    },
}

fn shown(abort: &Option<Abort>) -> String {
    abort.as_ref().map(Abort::to_string).unwrap_or_default()
}

impl Report {
    pub(crate) fn new(counts: Counts, errors: Errors) -> Self {
        Self {
            delivered: counts.delivered,
            failed: counts.failed,
            timed_out: counts.timed_out,
            not_called: counts.not_called,
            retried: counts.retried,
            aborted: counts.aborted,
            errors: errors.kept,
            omitted_errors: errors.omitted,
            discarded: false,
            unfinished: false,
            extras: None,
        }
    }

    /// Who aborted the event, and why. `None` if nobody did.
    pub fn abort(&self) -> Option<&Abort> {
        self.extras.as_ref()?.abort.as_ref()
    }

    /// Whether the emission ran to its end, was not aborted, and has no errors that were not swallowed.
    pub fn is_ok(&self) -> bool {
        let ran = !self.aborted && !self.discarded && !self.unfinished;
        ran && self.errors.is_empty() && self.omitted_errors == 0
    }

    /// The report if it [`is_ok`](Report::is_ok).
    ///
    /// # Errors
    /// Why it is not; errors of listeners take precedence over an abort.
    pub fn into_result(mut self) -> Result<Self, ReportError> {
        if self.is_ok() {
            return Ok(self);
        }
        let errors = std::mem::take(&mut self.errors);
        let (delivered, omitted) = (self.delivered, self.omitted_errors);
        Err(match errors.first().cloned() {
            Some(first) => {
                let failed = errors.len() as u64 + omitted;
                ReportError::Failed {
                    failed,
                    delivered,
                    first,
                    errors,
                }
            }
            None if omitted > 0 => ReportError::Omitted { omitted },
            None if self.discarded => ReportError::Discarded,
            None if self.unfinished => ReportError::Unfinished,
            None => ReportError::Aborted {
                delivered,
                abort: self.abort().cloned(),
            },
        })
    }
}

/// The errors of an emission: those that are kept, and how many more there were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Errors {
    pub(crate) kept: Vec<ListenerError>,
    pub(crate) omitted: u64,
}

impl Errors {
    pub(crate) fn count(&self) -> u64 {
        self.kept.len() as u64 + self.omitted
    }

    /// Keeps the error, or counts it and returns it: dropping it runs user code, so no lock may be held then.
    pub(crate) fn push(&mut self, error: ListenerError, most: usize) -> Option<ListenerError> {
        if self.kept.len() < most {
            self.kept.push(error);
            None
        } else {
            self.omitted += 1;
            Some(error)
        }
    }
}

/// Which errors somebody has read.
#[derive(Default)]
pub(super) struct ReadErrors {
    /// How many of those that are kept.
    pub(super) kept: usize,
    /// Errors without a handler that were only counted, and that no report said so far.
    pub(super) unread_omitted: u64,
}

//! How an emission ended.

use crate::dispatch::Tally;
use soiree_core::ListenerError;

/// How an emission ended.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Listeners that were called, whether they failed or not.
    pub delivered: u64,
    /// Listeners among them that returned an error or panicked, those that the error handler swallowed included.
    pub failed: u64,
    /// Listeners among these that had not returned in the [time that they have](crate::ListenerOptions::timeout), at their last
    /// attempt.
    pub timed_out: u64,
    /// Listeners that were to run on a pool of their own which refused or dropped them. They are not among `delivered`.
    pub not_called: u64,
    /// Further attempts of listeners that failed.
    pub retried: u64,
    /// Errors that the error handler let through, oldest first, as many as the error buffer holds.
    pub errors: Vec<ListenerError>,
    /// Errors beyond those.
    pub omitted_errors: u64,
    /// The event was aborted; listeners that had not started were skipped.
    pub aborted: bool,
    /// The emission was dropped before it ran: its pool stopped, cut its queue, or died.
    pub discarded: bool,
    /// The emission had not ended when this was made. Only a listener that waits for the very emission it was called by
    /// gets such a report, as it would wait for itself; one that blocks on an emission whose
    /// [async listeners](crate::AsyncListener) need the bulkhead that it runs on itself; and a handler that is told of a timeout.
    pub unfinished: bool,
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
    #[error("the event was aborted after {delivered} listeners")]
    Aborted {
        /// Listeners called.
        delivered: u64,
    },
    /// The emission was dropped before it ran.
    #[error("the emission was discarded before it ran")]
    Discarded,
    /// The emission had not ended.
    #[error("the emission has not ended")]
    Unfinished,
    /// Errors there were, but the error buffer keeps none.
    #[error("{omitted} listeners failed, and the error buffer keeps no errors")]
    Omitted {
        /// How many.
        omitted: u64,
    },
}

impl Report {
    pub(crate) fn ended(tally: Tally, errors: Errors) -> Self {
        Self {
            delivered: tally.delivered,
            failed: tally.failed,
            timed_out: tally.timed_out,
            not_called: tally.not_called,
            retried: tally.retried,
            aborted: tally.aborted,
            errors: errors.kept,
            omitted_errors: errors.omitted,
            discarded: false,
            unfinished: false,
        }
    }

    /// Whether it ran to its end, was not aborted, and every error was swallowed or there was none.
    pub fn is_ok(&self) -> bool {
        let ran = !self.aborted && !self.discarded && !self.unfinished;
        ran && self.errors.is_empty() && self.omitted_errors == 0
    }

    /// The report if it [`is_ok`](Report::is_ok).
    ///
    /// # Errors
    /// What was wrong; errors of listeners count before an abort.
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
            None => ReportError::Aborted { delivered },
        })
    }
}

/// The errors of an emission, as many as are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Errors {
    pub(crate) kept: Vec<ListenerError>,
    pub(crate) omitted: u64,
}

impl Errors {
    /// Keeps the error, or counts it and gives it back: dropping it runs user code, for which no lock may be held.
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

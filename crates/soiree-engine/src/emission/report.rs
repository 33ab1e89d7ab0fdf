//! How an emission ended.

use std::fmt;
use std::sync::Arc;

use soiree_core::ListenerError;

use super::extras::{Abort, Extras};
use crate::dispatch::Counts;

/// How an emission ended.
#[derive(Clone, Default)]
pub struct Report {
    delivered: u64,
    /// `None` if there is nothing but a number. A report is returned in registers: writing a larger one, and reading it again at once to
    /// move it, took a third of an emission.
    rest: Option<Box<Rest>>,
}

/// What few reports have.
#[derive(Clone, Default)]
pub(super) struct Rest {
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    pub(super) not_called: u64,
    pub(super) retried: u64,
    pub(super) errors: Errors,
    pub(super) aborted: bool,
    pub(super) discarded: bool,
    pub(super) unfinished: bool,
    pub(super) extras: Option<Arc<Extras>>,
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
    /// A report of an emission whose listeners have all succeeded.
    #[inline]
    pub(crate) fn of_success(delivered: u64) -> Self {
        Self {
            delivered,
            rest: None,
        }
    }

    pub(crate) fn new(counts: Counts, errors: Errors, extras: Option<Arc<Extras>>) -> Self {
        Self::with(
            counts.delivered,
            Rest {
                extras,
                ..Rest::new(counts, errors)
            },
        )
    }

    pub(super) fn with(delivered: u64, rest: Rest) -> Self {
        Self {
            delivered,
            rest: (!rest.is_empty()).then(|| Box::new(rest)),
        }
    }

    fn count(&self, count: impl FnOnce(&Rest) -> u64) -> u64 {
        self.rest.as_deref().map_or(0, count)
    }

    fn has(&self, has: impl FnOnce(&Rest) -> bool) -> bool {
        self.rest.as_deref().is_some_and(has)
    }

    /// Listeners that were called, whether or not they failed.
    #[inline]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Listeners among [`delivered`](Self::delivered) that returned an error, panicked or timed out, including those whose errors the
    /// error handler swallowed.
    pub fn failed(&self) -> u64 {
        self.count(|rest| rest.failed)
    }

    /// Listeners among [`failed`](Self::failed) that had not returned within their [timeout](soiree_core::ListenerOptions::timeout) at
    /// their last attempt.
    pub fn timed_out(&self) -> u64 {
        self.count(|rest| rest.timed_out)
    }

    /// Listeners with a pool of their own that rejected or dropped them. They are not among [`delivered`](Self::delivered).
    pub fn not_called(&self) -> u64 {
        self.count(|rest| rest.not_called)
    }

    /// Retries of listeners that failed.
    pub fn retried(&self) -> u64 {
        self.count(|rest| rest.retried)
    }

    /// Errors that the error handler did not swallow, oldest first, as many as the error buffer holds.
    pub fn errors(&self) -> &[ListenerError] {
        self.rest.as_deref().map_or(&[], |rest| &rest.errors.kept)
    }

    /// How many more errors there were.
    pub fn omitted_errors(&self) -> u64 {
        self.count(|rest| rest.errors.omitted)
    }

    /// Whether the event was aborted. Listeners that had not started were skipped.
    pub fn is_aborted(&self) -> bool {
        self.has(|rest| rest.aborted)
    }

    /// Who aborted the event, and why. `None` if nobody did.
    pub fn abort(&self) -> Option<&Abort> {
        self.extras()?.abort.as_ref()
    }

    /// Whether the emission was dropped before it ran: its pool was stopped, dropped jobs from its queue, or lost its threads.
    pub fn is_discarded(&self) -> bool {
        self.has(|rest| rest.discarded)
    }

    /// Whether the emission had not ended when this report was made. Only a thread that would wait for itself gets such a report: a
    /// listener that waits for the emission it was called by, a listener that blocks on an emission whose
    /// [async listeners](soiree_core::AsyncListener) need the bulkhead it runs on, and a handler that is called for a timeout.
    pub fn is_unfinished(&self) -> bool {
        self.has(|rest| rest.unfinished)
    }

    pub(super) fn extras(&self) -> Option<&Extras> {
        self.rest.as_ref()?.extras.as_deref()
    }

    /// Whether the emission ran to its end, was not aborted, and has no errors that were not swallowed.
    #[inline]
    pub fn is_ok(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.is_ok())
    }

    /// The report if it [`is_ok`](Report::is_ok).
    ///
    /// # Errors
    /// Why it is not; errors of listeners take precedence over an abort.
    pub fn into_result(self) -> Result<Self, ReportError> {
        match self.rest {
            Some(rest) if !rest.is_ok() => Err(rest.into_error(self.delivered)),
            _ => Ok(self),
        }
    }
}

impl Rest {
    pub(super) fn new(counts: Counts, errors: Errors) -> Self {
        Self {
            failed: counts.failed,
            timed_out: counts.timed_out,
            not_called: counts.not_called,
            retried: counts.retried,
            aborted: counts.aborted,
            errors,
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        let counted = self.failed + self.timed_out + self.not_called + self.retried;
        self.is_ok() && counted == 0 && self.extras.is_none()
    }

    fn is_ok(&self) -> bool {
        let ran = !self.aborted && !self.discarded && !self.unfinished;
        ran && self.errors.count() == 0
    }

    fn into_error(self, delivered: u64) -> ReportError {
        let Errors { kept, omitted } = self.errors;
        match kept.first().cloned() {
            Some(first) => ReportError::Failed {
                failed: kept.len() as u64 + omitted,
                delivered,
                first,
                errors: kept,
            },
            None if omitted > 0 => ReportError::Omitted { omitted },
            None if self.discarded => ReportError::Discarded,
            None if self.unfinished => ReportError::Unfinished,
            None => ReportError::Aborted {
                delivered,
                abort: self.extras.and_then(|extras| extras.abort.clone()),
            },
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("delivered", &self.delivered())
            .field("failed", &self.failed())
            .field("timed_out", &self.timed_out())
            .field("not_called", &self.not_called())
            .field("retried", &self.retried())
            .field("errors", &self.errors())
            .field("omitted_errors", &self.omitted_errors())
            .field("aborted", &self.is_aborted())
            .field("discarded", &self.is_discarded())
            .field("unfinished", &self.is_unfinished())
            .finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What two registers hold is not written to the stack and read again each time that it is passed on.
    #[test]
    fn a_report_is_two_words() {
        assert_eq!(size_of::<Report>(), 2 * size_of::<usize>());
    }

    #[test]
    fn a_report_with_nothing_but_calls_needs_no_allocation() {
        let counts = Counts {
            delivered: 3,
            ..Counts::default()
        };
        let report = Report::new(counts, Errors::default(), None);
        assert!(report.rest.is_none());
        assert_eq!((report.delivered(), report.is_ok()), (3, true));
        let failed = Report::new(Counts::one_failed(), Errors::default(), None);
        assert_eq!((failed.delivered(), failed.failed()), (1, 1));
    }
}

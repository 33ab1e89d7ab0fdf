//! The report of an emission: keeping errors for it, and what becomes of those that nobody reads.

use std::sync::atomic::Ordering;

use soiree_core::ListenerError;
use soiree_core::panic::contained;

use super::report::{Errors, ReadErrors, Report, Rest};
use super::state::{EmissionState, Shared};

impl Shared {
    /// A report of it is read.
    fn set_read(&mut self) {
        self.read = ReadErrors {
            kept: self.errors.kept.len(),
            unread_omitted: 0,
        };
    }

    /// Reads one of the errors that are kept.
    pub(super) fn read_error(&mut self, index: usize) -> Option<ListenerError> {
        let error = self.errors.kept.get(index)?.clone();
        self.read.kept = self.read.kept.max(index + 1);
        Some(error)
    }
}

impl EmissionState {
    /// The report of an emission that has settled, for somebody who reads it.
    pub(crate) fn settled_report(&self) -> Report {
        if let Some(mut shared) = self.shared_if_used() {
            return self.read_report(&mut shared);
        }
        if self.aborted.load(Ordering::Relaxed) || self.discarded.load(Ordering::Relaxed) {
            return self.report_with(Errors::default());
        }
        Report::of_success(self.delivered.load(Ordering::Relaxed).into())
    }

    fn report_with(&self, errors: Errors) -> Report {
        let counts = self.counts();
        let extras = self.extras_if_any();
        let rest = Rest {
            discarded: self.discarded.load(Ordering::Relaxed),
            unfinished: !self.is_done(),
            extras: extras.and_then(|extras| extras.clone().into_shared()),
            ..Rest::new(counts, errors)
        };
        Report::with(counts.delivered, rest)
    }

    /// A report for somebody who reads it.
    pub(super) fn read_report(&self, shared: &mut Shared) -> Report {
        shared.set_read();
        self.report_with(shared.errors.clone())
    }

    /// Somebody has read all errors, one by one.
    pub(super) fn end_of_errors(&self, shared: &mut Shared) {
        if self.is_settled() {
            shared.set_read();
        }
    }

    /// How many errors no handler has swallowed.
    pub(super) fn error_count(&self) -> u64 {
        let shared = self.shared_if_used();
        shared.map_or(0, |shared| shared.errors.count())
    }

    /// The report keeps an error, or counts it. If nobody will ask for a report, the error is printed now, unless a handler was called.
    pub(crate) fn keep_error(&self, error: ListenerError) {
        let is_abandoned = self.is_abandoned();
        let most = if is_abandoned {
            0
        } else {
            self.settings.error_buffer
        };
        let is_unhandled = self.settings.handlers.leave_unhandled(&error);
        let mut shared = self.shared();
        let omitted = shared.errors.push(error, most);
        if omitted.is_some() && !is_abandoned {
            shared.read.unread_omitted += u64::from(is_unhandled);
        }
        self.wake_waiting();
        drop(shared);
        // Not under the lock: both run code of the error.
        if let Some(error) = omitted {
            if is_abandoned {
                self.settings.handlers.print_if_unhandled(&error);
            }
            drop(error);
        }
    }

    /// Its handle was dropped: nobody will ask for its report.
    #[inline]
    pub(super) fn abandon(&self) {
        if self.set_abandoned() {
            self.drop_errors();
        }
    }

    /// Drops the errors once it has settled and was abandoned. One of them may hold the payload, and so the emission: it must not be
    /// held by the emission in turn.
    #[inline]
    pub(super) fn drop_errors(&self) {
        if self.cold_if_used().is_some() {
            self.take_errors();
        }
    }

    /// Prints those that nobody has read and no handler was called for.
    #[cold]
    pub(super) fn take_errors(&self) {
        self.drop_extras();
        let mut shared = self.shared();
        let errors = std::mem::take(&mut shared.errors.kept);
        let read = std::mem::take(&mut shared.read);
        drop(shared);
        let handlers = &self.settings.handlers;
        for (index, error) in errors.into_iter().enumerate() {
            if index >= read.kept {
                handlers.print_if_unhandled(&error);
            }
            contained(move || drop(error));
        }
        if read.unread_omitted > 0 {
            handlers.unhandled.omit(read.unread_omitted);
        }
    }
}

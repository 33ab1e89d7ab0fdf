//! Keeping replies of listeners, and who aborted the event, for the report.

use std::sync::PoisonError;

use soiree_core::Event;
use soiree_core::panic::contained;
use soiree_core::registry::Registration;
use soiree_core::sync::{Mutex, MutexGuard};

use super::extras::Extras;
use super::state::EmissionState;
use crate::dispatch::{Counts, Kept};

impl EmissionState {
    /// The report keeps what a call has left.
    pub(crate) fn keep(&self, registration: &Registration, kept: Kept) {
        match kept {
            Kept::Error(error) => self.keep_error(error),
            Kept::Reply(reply) if self.is_abandoned() => drop(reply),
            Kept::Reply(reply) => {
                let omitted = self.extras().push(registration, reply);
                drop(omitted);
            }
        }
    }

    /// Finds out whether the event was aborted, after this listener was called.
    pub(super) fn check_abort(
        &self,
        event: &dyn Event,
        registration: &Registration,
        counts: &mut Counts,
    ) {
        counts.aborted |= event.is_aborted();
        if counts.aborted && counts.delivered > 0 {
            self.note_abort(event, Some(registration));
        }
    }

    /// The event was aborted, as was noticed after this listener was called.
    #[cold]
    pub(crate) fn note_abort(&self, event: &dyn Event, by: Option<&Registration>) {
        let reason = event.abort_reason();
        self.extras().set_abort(reason, by);
    }

    pub(super) fn extras_if_any(&self) -> Option<MutexGuard<'_, Extras>> {
        let extras = self.cold_if_used()?.extras.get()?.lock();
        Some(extras.unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn extras(&self) -> MutexGuard<'_, Extras> {
        let extras = self.cold().extras.get_or_init(Mutex::default).lock();
        extras.unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues with what another emission had.
    pub(crate) fn add_extras(&self, extras: Extras) {
        if !extras.is_empty() {
            *self.extras() = extras;
        }
    }

    /// Drops the replies: nobody will ask for them. One of them may hold the payload, and so the emission.
    pub(super) fn drop_extras(&self) {
        let extras = self
            .extras_if_any()
            .map(|mut extras| std::mem::take(&mut *extras));
        contained(move || drop(extras));
    }
}

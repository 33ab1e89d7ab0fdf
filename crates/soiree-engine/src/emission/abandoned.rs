//! What becomes of the errors of an emission whose handle was dropped.

use soiree_core::panic::contained;

use super::state::EmissionState;

impl EmissionState {
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

    #[cold]
    fn take_errors(&self) {
        let errors = std::mem::take(&mut self.shared().errors.kept);
        for error in errors {
            contained(move || drop(error));
        }
    }
}

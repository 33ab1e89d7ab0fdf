//! What an emission counts.

/// The results of calling listeners.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    pub(crate) not_called: u64,
    pub(crate) retried: u64,
    pub(crate) aborted: bool,
    /// A listener timed out, and another thread calls the listeners after it. The other fields are then ignored.
    pub(crate) superseded: bool,
}

impl Counts {
    /// One listener that failed.
    pub(crate) fn one_failed() -> Self {
        Self {
            delivered: 1,
            failed: 1,
            ..Self::default()
        }
    }

    /// One listener that was not called.
    pub(crate) fn one_not_called() -> Self {
        Self {
            not_called: 1,
            ..Self::default()
        }
    }
}

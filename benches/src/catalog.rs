//! The list of all cases.

use crate::case::Case;
use crate::{dispatch, emit, emit_async, features, inbox, jobs, matching, subscribe, wildcard};

/// Returns all cases. The cases of other crates exist only with the feature `peers`.
pub fn cases() -> Vec<Case> {
    [
        dispatch::cases(),
        matching::cases(),
        wildcard::cases(),
        subscribe::cases(),
        emit::cases(),
        emit_async::cases(),
        inbox::cases(),
        jobs::cases(),
        features::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Finds the case with these names.
pub fn find(workload: &str, subject: &str) -> Option<Case> {
    cases()
        .into_iter()
        .find(|case| case.workload == workload && case.subject == subject)
}

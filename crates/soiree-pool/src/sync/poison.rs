//! Poisoned locks.

use std::sync::{LockResult, PoisonError};

/// Ignores poison: no user code runs under the locks of this crate, so no panic leaves their data half-changed.
pub(super) fn ignore_poison<Guard>(result: LockResult<Guard>) -> Guard {
    result.unwrap_or_else(PoisonError::into_inner)
}

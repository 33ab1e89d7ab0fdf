//! How a job ended.

use crate::panic::PanicPayload;

/// How a job ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobOutcome {
    /// The job ran without a panic.
    Completed,
    /// The job panicked with this payload.
    Panicked(PanicPayload),
    /// The job was not run: its deadline had passed.
    Expired,
}

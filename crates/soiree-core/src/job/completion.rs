//! Waiting for a job to end.

use std::fmt;
use std::sync::Arc;

use super::outcome::JobOutcome;
use crate::panic::PanicPayload;
use crate::sync::Monitor;

/// How a job ended. `None` if it was dropped before its end.
type End = Option<JobOutcome>;

/// Waits for the end of a job.
pub(crate) struct CompletionReceiver(Arc<Monitor<Option<End>>>);

/// Sends how a job ended, when it is dropped.
pub(crate) struct CompletionSender {
    shared: Arc<Monitor<Option<End>>>,
    end: End,
}

/// A sender, and the receiver that waits for it.
pub(super) fn completion() -> (CompletionSender, CompletionReceiver) {
    let shared = Arc::new(Monitor::new(None));
    let receiver = CompletionReceiver(Arc::clone(&shared));
    (CompletionSender { shared, end: None }, receiver)
}

impl CompletionReceiver {
    /// Blocks until the job has ended, and is counted, or was dropped.
    pub(crate) fn wait(&self) -> Option<JobOutcome> {
        let mut received = self.0.lock();
        loop {
            match received.take() {
                Some(end) => return end,
                None => received = self.0.wait(received),
            }
        }
    }
}

impl CompletionSender {
    pub(super) fn set(&mut self, outcome: JobOutcome) {
        self.end = Some(outcome);
    }

    /// Sets the outcome without the value of a panic, which its pool keeps.
    pub(super) fn set_copy_of(&mut self, outcome: &JobOutcome) {
        self.set(match outcome {
            JobOutcome::Completed => JobOutcome::Completed,
            JobOutcome::Expired => JobOutcome::Expired,
            JobOutcome::Panicked(payload) => {
                let message = Box::new(payload.message().to_owned());
                JobOutcome::Panicked(PanicPayload::new(message))
            }
        });
    }
}

impl Drop for CompletionSender {
    fn drop(&mut self) {
        *self.shared.lock() = Some(self.end.take());
        self.shared.notify_all();
    }
}

/// A job that has run, and the thread that waits for it.
///
/// To drop it wakes that thread, so count the job first: a thread that has waited for a job expects to find it in the
/// statistics. If the job panicked, that thread gets the panic's value.
///
/// ```
/// use soiree_core::{Job, JobOutcome};
/// let mut successful = 0;
/// let ended = Job::new(|| ()).run_for_pool();
/// if matches!(ended.outcome(), JobOutcome::Completed) {
///     successful += 1;
/// }
/// drop(ended);
/// assert_eq!(successful, 1);
/// ```
#[must_use]
#[derive(Debug)]
pub struct EndedJob {
    outcome: JobOutcome,
    completion: Option<CompletionSender>,
}

impl EndedJob {
    #[inline]
    pub(super) fn new(outcome: JobOutcome, completion: Option<CompletionSender>) -> Self {
        Self {
            outcome,
            completion,
        }
    }

    /// How the job ended.
    #[inline]
    pub fn outcome(&self) -> &JobOutcome {
        &self.outcome
    }

    /// Wakes the thread that waits for the job, and returns how the job ended. If it panicked, that thread gets the panic's text
    /// only.
    #[inline]
    pub fn into_outcome(mut self) -> JobOutcome {
        if let Some(mut completion) = self.completion.take() {
            completion.set_copy_of(&self.outcome);
        }
        std::mem::replace(&mut self.outcome, JobOutcome::Completed)
    }
}

impl Drop for EndedJob {
    #[inline]
    fn drop(&mut self) {
        if let Some(completion) = &mut self.completion {
            completion.set(std::mem::replace(&mut self.outcome, JobOutcome::Completed));
        }
    }
}

impl fmt::Debug for CompletionSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionSender").finish_non_exhaustive()
    }
}

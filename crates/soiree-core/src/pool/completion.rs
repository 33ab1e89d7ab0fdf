//! Waiting for a job to end.

use std::sync::Arc;

use super::error::WaitError;
use crate::job::{Job, JobOutcome};
use crate::panic::PanicPayload;
use crate::sync::Monitor;

pub(super) fn outcome(outcome: JobOutcome) -> Result<(), WaitError> {
    match outcome {
        JobOutcome::Completed => Ok(()),
        JobOutcome::Panicked(payload) => Err(WaitError::Panicked(payload.message().into())),
        JobOutcome::Expired => Err(WaitError::Discarded),
    }
}

/// The waiting side of a job that reports its end.
pub(super) struct Completion(Arc<Monitor<Ended>>);

type Ended = Option<Result<(), WaitError>>;

/// The reporting side: reports "discarded" if dropped before it reported anything else.
struct Reporter(Completion, bool);

impl Completion {
    pub(super) fn new() -> Self {
        Self(Arc::new(Monitor::new(None)))
    }

    pub(super) fn attach(&self, job: Job) -> Job {
        let mut reporter = Reporter(Self(Arc::clone(&self.0)), false);
        Job::new(move || match job.run() {
            JobOutcome::Panicked(payload) => {
                let message = payload.message().into();
                reporter.report(Err(WaitError::Panicked(message)));
                // The pool has to see the panic as well, to count it and to call its handler.
                std::panic::resume_unwind(PanicPayload::into_inner(payload));
            }
            ended => reporter.report(outcome(ended)),
        })
    }

    pub(super) fn wait(&self) -> Result<(), WaitError> {
        let mut ended = self.0.lock();
        loop {
            match ended.take() {
                Some(outcome) => return outcome,
                None => ended = self.0.wait(ended),
            }
        }
    }
}

impl Reporter {
    fn report(&mut self, outcome: Result<(), WaitError>) {
        self.1 = true;
        let Completion(ended) = &self.0;
        *ended.lock() = Some(outcome);
        ended.notify_all();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if !self.1 {
            self.report(Err(WaitError::Discarded));
        }
    }
}

//! Waiting for a job to end.

use std::sync::Arc;

use super::error::WaitError;
use crate::job::{Job, JobOutcome};
use crate::panic::PanicPayload;
use crate::sync::Monitor;

type Completion = Result<(), WaitError>;

/// Waits for the end of a job.
pub(super) struct CompletionReceiver(Arc<Monitor<Option<Completion>>>);

/// Sends how a job ended. Sends `Discarded` if it is dropped before that.
struct CompletionSender {
    shared: Arc<Monitor<Option<Completion>>>,
    sent: bool,
}

/// Returns a job that runs `job`, and a receiver that waits for its end.
pub(super) fn with_completion(job: Job) -> (Job, CompletionReceiver) {
    let shared = Arc::new(Monitor::new(None));
    let receiver = CompletionReceiver(Arc::clone(&shared));
    let mut sender = CompletionSender {
        shared,
        sent: false,
    };
    let job = Job::new(move || match job.run() {
        JobOutcome::Panicked(payload) => {
            let message = payload.message().into();
            sender.send(Err(WaitError::Panicked(message)));
            // The pool must see the panic as well, to count it and to call its panic handler.
            std::panic::resume_unwind(PanicPayload::into_inner(payload));
        }
        outcome => sender.send(completion(outcome)),
    });
    (job, receiver)
}

pub(super) fn completion(outcome: JobOutcome) -> Completion {
    match outcome {
        JobOutcome::Completed => Ok(()),
        JobOutcome::Panicked(payload) => Err(WaitError::Panicked(payload.message().into())),
        JobOutcome::Expired => Err(WaitError::Discarded),
    }
}

impl CompletionReceiver {
    /// Blocks until the job has run or was dropped.
    pub(super) fn wait(&self) -> Completion {
        let mut received = self.0.lock();
        loop {
            match received.take() {
                Some(completion) => return completion,
                None => received = self.0.wait(received),
            }
        }
    }
}

impl CompletionSender {
    fn send(&mut self, completion: Completion) {
        self.sent = true;
        *self.shared.lock() = Some(completion);
        self.shared.notify_all();
    }
}

impl Drop for CompletionSender {
    fn drop(&mut self) {
        if !self.sent {
            self.send(Err(WaitError::Discarded));
        }
    }
}

//! Giving places to those who wait for one, and sending permits for the jobs that may start.

use std::io;
use std::sync::Arc;

use soiree_core::SubmitErrorReason;
use soiree_core::panic::{caught, contained};

use crate::executor::Executor;
use crate::permit::Permit;
use crate::sequence::Seq;
use crate::shared::Shared;
use crate::state_guard::StateGuard;

/// Why a permit was not sent. It is void then.
pub(crate) enum SendPermitError {
    /// The executor cannot run it now.
    Failed(io::Error),
    /// The executor dropped it, so it runs nothing any more.
    ExecutorEnded,
}

impl SendPermitError {
    pub(crate) fn into_reason(self) -> SubmitErrorReason {
        match self {
            Self::Failed(error) => SubmitErrorReason::Spawn(error),
            Self::ExecutorEnded => SubmitErrorReason::Closed,
        }
    }
}

impl<E: Executor> Shared<E> {
    /// Gives places to those who wait, and sends permits, until no further job can start. No job relies on the permits while they
    /// are being sent, and if that fails, the jobs wait on.
    ///
    /// A job that gets a place although the pool has no worker keeps it only if its permit can be sent.
    pub(crate) fn dispatch<'a>(
        self: &'a Arc<Self>,
        mut state: StateGuard<'a, E>,
    ) -> Result<StateGuard<'a, E>, SendPermitError> {
        loop {
            let admitted = state.admit(false);
            let candidate = match state.is_stalled() {
                true => state.line.admit_candidate(),
                false => None,
            };
            let new_permit = match state.needs_permit() {
                true => state.new_permit(true),
                false => None,
            };
            let Some((permit, executor)) = new_permit else {
                if let Some(candidate) = candidate {
                    let is_closed = state.is_closed();
                    state.line.put_back(candidate, is_closed);
                }
                state.record_peaks();
                return Ok(state);
            };
            drop(state);
            let (locked, sent) = self.send_permit(permit, executor);
            state = locked;
            let is_closed = state.is_closed();
            let Err(error) = sent else {
                if let Some(candidate) = candidate {
                    state.line.confirm(candidate);
                }
                continue;
            };
            if let Some(candidate) = candidate {
                match state.has_workers() && state.is_within_capacity() {
                    true => state.line.confirm(candidate),
                    false => state.line.put_back(candidate, is_closed),
                }
            }
            state.put_back_excess(admitted);
            state.record_peaks();
            if !state.has_workers() {
                state.line.notify_no_worker();
            }
            return Err(error);
        }
    }

    /// Sends a permit to the executor. Returns with the pool locked.
    pub(crate) fn send_permit(
        self: &Arc<Self>,
        permit: Seq,
        executor: Arc<E>,
    ) -> (StateGuard<'_, E>, Result<(), SendPermitError>) {
        let sent = caught(|| executor.execute(Permit::new(self.clone(), permit)))
            .unwrap_or_else(|payload| Err(io::Error::other(payload.message().to_owned())));
        contained(|| drop(executor));
        let mut state = self.lock();
        let sent = match sent {
            Ok(()) if state.permit_sent(permit) => Ok(()),
            Ok(()) => Err(SendPermitError::ExecutorEnded),
            Err(error) if state.permits.take(permit) => Err(SendPermitError::Failed(error)),
            // The executor failed, and has run the permit all the same.
            Err(_) => Ok(()),
        };
        (state, sent)
    }
}

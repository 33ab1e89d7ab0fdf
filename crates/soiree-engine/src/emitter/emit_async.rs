//! Emitting in async code: waiting for a place without holding a thread.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use soiree_core::Event;

use super::emit::Emitter;
use super::not_admitted::Pass;
use super::try_emit::{Full, NotAccepted};
use super::waiting_emit::WaitingEmit;
use crate::emission::{Emission, EmitError};
use crate::ordering::WaitLimit;

/// An emit in async code, as a trait object. Returned by [`Soiree::publish_async`](crate::Soiree::publish_async).
pub type EmitFuture<'a> = Pin<Box<dyn Future<Output = Result<Emission, EmitError>> + Send + 'a>>;

impl Emitter {
    /// Emits a payload on the pool. Where [`emit`](Emitter::emit) would block, the future waits without holding a thread.
    ///
    /// Needs no runtime. Nothing happens before the first poll. If the future is dropped before it is ready, nothing was emitted.
    ///
    /// Inside a listener or a job of the emitter it does not wait.
    ///
    /// # Errors
    /// As [`emit`](Emitter::emit). Also if the emitter is closed meanwhile.
    pub async fn emit_async<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        match self.start_or_wait(|| self.start_payload(topic, payload)) {
            Ok(emitted) => emitted,
            Err(waiting) => waiting.await,
        }
    }

    /// Emits an event of the caller's own type as [`emit_async`](Emitter::emit_async) does.
    ///
    /// # Errors
    /// As [`emit_async`](Emitter::emit_async).
    pub async fn emit_event_async(
        &self,
        event: impl Event + 'static,
    ) -> Result<Emission, EmitError> {
        self.emit_event_async_with(event, None).await
    }

    pub(super) async fn emit_event_async_with(
        &self,
        event: impl Event + 'static,
        pass: Pass<'_>,
    ) -> Result<Emission, EmitError> {
        match self.start_or_wait(|| self.start_event(event, pass)) {
            Ok(emitted) => emitted,
            Err(waiting) => waiting.await,
        }
    }

    /// The outcome of an emission that does not wait, or what it waits with.
    fn start_or_wait(
        &self,
        start: impl FnOnce() -> Result<Emission, NotAccepted>,
    ) -> Result<Result<Emission, EmitError>, Box<WaitingEmit<'_>>> {
        let not_accepted = match start() {
            Ok(emission) => return Ok(Ok(emission)),
            Err(not_accepted) => not_accepted,
        };
        let NotAccepted::NoPlace(no_place) = not_accepted else {
            return Ok(Err(self.reject_now(not_accepted)));
        };
        let must_not_wait = match (&no_place.full, &no_place.order) {
            (Full::Key(_), Some(order)) => {
                matches!(
                    WaitLimit::of(order.rule.order.overflow_policy()),
                    WaitLimit::None
                )
            }
            _ => false,
        };
        if must_not_wait || self.must_not_wait(&no_place.emission.state().settings) {
            return Ok(Err(self.reject_now(NotAccepted::NoPlace(no_place))));
        }
        Err(Box::new(WaitingEmit::new(self, *no_place)))
    }
}

//! Topics that are reserved: only the holder of the reservation emits on them.

use std::fmt;
use std::sync::{Arc, Weak};

use soiree_core::panic::contained;
use soiree_core::{Event, Pattern, SubscribeError};

use super::emit::Emitter;
use super::emit_async::EmitFuture;
use super::not_admitted::{NotAdmitted, Pass, may_pass};
use crate::emission::{Emission, EmitError, EmitterShared, Report};

/// Holds an emitter, such as an `EventPool` does.
pub trait EmitterOwner: Send + Sync {
    /// The emitter.
    fn emitter(&self) -> &Emitter;
}

impl EmitterOwner for Emitter {
    fn emitter(&self) -> &Emitter {
        self
    }
}

/// Topics that only the holder of this emits on. Returned by [`Soiree::reserve`](crate::Soiree::reserve).
///
/// An outbox reserves the topics of durable events: what is emitted past it would never reach durable listeners. While this lives,
/// whatever else emits on a topic that the pattern matches is [rejected](EmitError::Reserved), and the payload comes back. What is
/// published here passes, and calls the ordinary listeners of its topic. A topic that the pattern does not match is emitted as anywhere
/// else: it is rejected if somebody else has reserved it.
///
/// Dropping it ends the reservation. It does not keep the `EventPool` alive. Emissions that were accepted before a reservation go on.
#[must_use = "the topics are reserved until this is dropped"]
pub struct ReservedTopics {
    pattern: Pattern,
    owner: Weak<dyn EmitterOwner>,
    shared: Weak<EmitterShared>,
}

impl ReservedTopics {
    /// Reserves the topics that match the pattern.
    ///
    /// # Errors
    /// If the emitter is closed.
    pub fn new(
        owner: &Arc<impl EmitterOwner + 'static>,
        pattern: Pattern,
    ) -> Result<Self, SubscribeError> {
        let emitter = owner.emitter();
        emitter.registry().reserve(&pattern)?;
        let shared = Arc::downgrade(&emitter.shared);
        let owner = Arc::downgrade(owner);
        Ok(Self {
            pattern,
            owner,
            shared,
        })
    }

    /// The pattern.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Emits an event on the pool, as [`Soiree::publish_event`](crate::Soiree::publish_event) does. Blocks if the pool does when it is
    /// full.
    ///
    /// # Errors
    /// As [`Soiree::publish_event`](crate::Soiree::publish_event).
    pub fn publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        let owner = self.owner_for(&event)?;
        owner.emitter().emit_event_with(event, Some(&self.pattern))
    }

    /// Emits an event on the pool if there is a place for it now. Never waits.
    ///
    /// # Errors
    /// As [`publish_event`](Self::publish_event), and if there is no place.
    pub fn try_publish_event(&self, event: Arc<dyn Event>) -> Result<Emission, EmitError> {
        let owner = self.owner_for(&event)?;
        let emitter = owner.emitter();
        emitter.try_emit_event_with(event, Some(&self.pattern))
    }

    /// Emits an event as [`Soiree::publish_event_async`](crate::Soiree::publish_event_async) does: waits for a place without holding a
    /// thread. If the future is dropped before it is ready, nothing was emitted.
    ///
    /// # Errors
    /// As [`publish_event`](Self::publish_event).
    pub fn publish_event_async(&self, event: Arc<dyn Event>) -> EmitFuture<'_> {
        Box::pin(async move {
            let owner = self.owner_for(&event)?;
            let pass = Some(&self.pattern);
            owner.emitter().emit_event_async_with(event, pass).await
        })
    }

    /// Emits an event on the calling thread, and returns when its listeners have returned.
    ///
    /// # Errors
    /// As [`Soiree::publish_sync`](crate::Soiree::publish_sync).
    pub fn publish_event_sync(&self, event: Arc<dyn Event>) -> Result<Report, EmitError> {
        let owner = self.owner_for(&event)?;
        let emitter = owner.emitter();
        emitter.emit_event_sync_with(&*event, Some(&self.pattern))
    }

    fn owner_for(&self, event: &dyn Event) -> Result<Arc<dyn EmitterOwner>, EmitError> {
        let gone = || NotAdmitted::Closed.with(event.topic(), event.payload());
        self.owner.upgrade().ok_or_else(gone)
    }
}

impl Drop for ReservedTopics {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.registry.unreserve(&self.pattern);
            contained(move || drop(shared));
        }
    }
}

impl fmt::Debug for ReservedTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReservedTopics")
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}

impl Emitter {
    /// Reserves the topics that match a pattern. See [`ReservedTopics`].
    ///
    /// # Errors
    /// If the emitter is closed.
    pub fn reserve(self: &Arc<Self>, pattern: Pattern) -> Result<ReservedTopics, SubscribeError> {
        ReservedTopics::new(self, pattern)
    }

    /// Whether an emission that was counted as started may go on, although some topics are reserved. If not, it is counted as ended.
    #[cold]
    pub(super) fn check_reserved(&self, topic: &str, pass: Pass<'_>) -> Result<(), NotAdmitted> {
        if !self.registry().is_reserved(topic) || may_pass(topic, pass) {
            return Ok(());
        }
        let rejected = self.notify_rejected(NotAdmitted::Reserved, topic);
        self.shared.task_ended();
        Err(rejected)
    }
}

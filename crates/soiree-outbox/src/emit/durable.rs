//! Emitting on topics that must be durable.

use std::any::Any;

use soiree_core::Payload;
use soiree_engine::EmitError;

use super::{Draft, StoreFuture};
use crate::outbox::Outbox;
use crate::stored::Stored;

/// # Emitting what must be stored
impl Outbox {
    /// As [`emit`](Outbox::emit), for a topic that must be durable: `Ok` means that the event is stored. With a typed topic,
    /// `PAID.emit_durable(&outbox, invoice)` does the same.
    ///
    /// # Errors
    /// As [`emit`](Outbox::emit), and if the topic is not durable: [`NotStored::NoCodec`](soiree_engine::NotStored::NoCodec).
    pub fn emit_durable<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Stored, EmitError> {
        let draft = Draft::new(topic, Payload::new(payload));
        self.inner.commit_and_publish(draft, true)
    }

    /// As [`try_emit`](Outbox::try_emit), for a topic that must be durable.
    ///
    /// # Errors
    /// As [`try_emit`](Outbox::try_emit), and if the topic is not durable.
    pub fn try_emit_durable<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Stored, EmitError> {
        let draft = Draft::new(topic, Payload::new(payload));
        self.inner.commit_and_publish(draft, false)
    }

    /// As [`emit_async`](Outbox::emit_async), for a topic that must be durable.
    ///
    /// # Errors
    /// As [`emit_durable`](Outbox::emit_durable).
    pub fn emit_durable_async<'a, T: Any + Send + Sync>(
        &'a self,
        topic: &'a str,
        payload: T,
    ) -> StoreFuture<'a> {
        Box::pin(self.store_async(Draft::new(topic, Payload::new(payload))))
    }
}

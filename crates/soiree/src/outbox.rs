//! Typed topics as durable ones.

use std::any::Any;

use soiree_outbox::{DurableTopic, Outbox, Stored};

use crate::typed::{TypedEmitError, TypedPattern, TypedTopic};

impl<T: Any + Send + Sync> DurableTopic for TypedTopic<T> {
    type Payload = T;

    fn pattern(&self) -> String {
        self.name().into()
    }
}

impl<T: Any + Send + Sync> DurableTopic for TypedPattern<T> {
    type Payload = T;

    fn pattern(&self) -> String {
        self.as_str().into()
    }
}

/// # Emitting what must be stored
///
/// [`emit`](TypedTopic::emit) takes an outbox too, and returns the emission to the ordinary listeners. These return where the event is stored.
impl<T: Any + Send + Sync> TypedTopic<T> {
    /// Emits a payload through an outbox: `Ok` means that the event is stored, and has a [`position`](Stored::position). Blocks as
    /// [`Outbox::emit`] does.
    ///
    /// ```
    /// use soiree::testkit::MemoryStore;
    /// use soiree::{EventPool, Outbox, TypedTopic};
    ///
    /// const PAID: TypedTopic<u64> = TypedTopic::new("invoice.paid");
    /// const PRINTED: TypedTopic<u64> = TypedTopic::new("invoice.printed");
    ///
    /// let outbox = Outbox::builder(MemoryStore::new()).json(PAID).build(EventPool::new())?;
    /// assert!(PAID.emit_durable(&outbox, 4_200)?.position().is_some());
    ///
    /// let rejected = PRINTED.emit_durable(&outbox, 7).unwrap_err();
    /// assert!(rejected.to_string().contains("its topic is not durable"));
    /// assert_eq!(rejected.into_payload().ok(), Some(7));
    /// # outbox.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Outbox::emit_durable`]. The error returns the payload.
    pub fn emit_durable(&self, outbox: &Outbox, payload: T) -> Result<Stored, TypedEmitError<T>> {
        let stored = outbox.emit_durable(self.name(), payload);
        stored.map_err(TypedEmitError::new)
    }

    /// As [`emit_durable`](TypedTopic::emit_durable), if the event can be queued at once. See [`Outbox::try_emit`].
    ///
    /// # Errors
    /// As [`Outbox::try_emit_durable`]. The error returns the payload.
    pub fn try_emit_durable(
        &self,
        outbox: &Outbox,
        payload: T,
    ) -> Result<Stored, TypedEmitError<T>> {
        let stored = outbox.try_emit_durable(self.name(), payload);
        stored.map_err(TypedEmitError::new)
    }

    /// As [`emit_durable`](TypedTopic::emit_durable), in async code. See [`Outbox::emit_async`].
    ///
    /// # Errors
    /// As [`Outbox::emit_durable`]. The error returns the payload.
    pub async fn emit_durable_async(
        &self,
        outbox: &Outbox,
        payload: T,
    ) -> Result<Stored, TypedEmitError<T>> {
        let stored = outbox.emit_durable_async(self.name(), payload).await;
        stored.map_err(TypedEmitError::new)
    }
}

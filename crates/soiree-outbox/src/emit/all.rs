//! Emitting several events in one transaction.

use std::future::poll_fn;
use std::sync::Arc;

use soiree_core::Event;
use soiree_core::store::NewRecord;
use soiree_engine::{EmitError, ReservedTopics};

use super::Draft;
use crate::outbox::{Inner, Outbox};
use crate::stored::Stored;

/// # Emitting several events
impl Outbox {
    /// Emits several durable events in one transaction: all of them are stored, or none. Returns what became of each, in their order.
    ///
    /// An event that conflicts with a stored one is an error of its own, and the only one that is not stored:
    /// [`NotStored::Conflict`](soiree_engine::NotStored::Conflict).
    ///
    /// # Errors
    /// As [`emit_event`](Outbox::emit_event), for the first event that is at fault; and if a topic is not durable. Then none is stored.
    pub fn emit_all(
        &self,
        events: impl IntoIterator<Item = Arc<dyn Event>>,
    ) -> Result<Vec<Result<Stored, EmitError>>, EmitError> {
        let inner = &self.inner;
        let (drafts, records): (Vec<_>, Vec<_>) = inner.encode_all(events)?.into_iter().unzip();
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let ticket = inner.queue.append(records, true);
        let ticket = ticket.map_err(|why| inner.all_rejected(&drafts, why))?;
        let appended = ticket.wait();
        let appended = appended.map_err(|error| inner.not_stored(&drafts[0], error))?;
        let stored = drafts.into_iter().zip(appended);
        let stored = stored
            .map(|(draft, appended)| inner.local(draft, appended, ReservedTopics::publish_event));
        Ok(stored.collect())
    }

    /// As [`emit_all`](Outbox::emit_all), in async code. If the future is dropped before it is ready, the events may be stored or not.
    ///
    /// # Errors
    /// As [`emit_all`](Outbox::emit_all).
    pub async fn emit_all_async(
        &self,
        events: impl IntoIterator<Item = Arc<dyn Event>>,
    ) -> Result<Vec<Result<Stored, EmitError>>, EmitError> {
        let inner = &self.inner;
        let (drafts, records): (Vec<_>, Vec<_>) = inner.encode_all(events)?.into_iter().unzip();
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let ticket = inner.queue.append(records, true);
        let mut ticket = ticket.map_err(|why| inner.all_rejected(&drafts, why))?;
        let appended = poll_fn(|context| ticket.poll(context)).await;
        let appended = appended.map_err(|error| inner.not_stored(&drafts[0], error))?;
        let mut stored = Vec::with_capacity(drafts.len());
        for (draft, appended) in drafts.into_iter().zip(appended) {
            stored.push(inner.local_async(draft, appended).await);
        }
        Ok(stored)
    }
}

impl Inner {
    fn encode_all(
        &self,
        events: impl IntoIterator<Item = Arc<dyn Event>>,
    ) -> Result<Vec<(Draft, NewRecord)>, EmitError> {
        let drafts = events.into_iter().map(Draft::from_event);
        let encoded = drafts.map(|draft| {
            let record = self.encode(&draft)?;
            Ok((draft, record))
        });
        encoded.collect()
    }
}

//! Durable events in an SQLite file, and together with the program's own tables.
//!
//! [`SqliteStore`] is the store of an [`Outbox`]. [`SqliteOutbox`] adds what only SQLite can do: emitting in a transaction of the program's
//! own, and effects that happen exactly once.

use std::time::Duration;

use soiree_core::store::{Appended, StoreError};
use soiree_core::{
    BoxError, Event, ListenerId, ListenerOptions, Payload, Permanent, Properties, Retry,
    SubscribeError,
};
use soiree_engine::{EmitError, NotStored};
use soiree_outbox::{Delivery, Outbox, StoredEvent};

use crate::typed::{TypedEmitError, TypedTopic};

#[doc(inline)]
pub use soiree_sqlite::{Effect, SCHEMA_VERSION, SqlValue, SqliteStore, Statement, rusqlite};

use rusqlite::Transaction;

/// Of [`SqliteOutbox::on_tx`].
const FIRST_DELAY: Duration = Duration::from_millis(100);
const ATTEMPTS: u32 = 8;

/// What an outbox can do whose store is a [`SqliteStore`].
///
/// # Errors
/// Every method fails with [`StoreError::Unsafe`] if the store of the outbox is another one.
pub trait SqliteOutbox {
    /// Emits in a transaction of the program's own, on a connection to the file of the store: the event is stored if and only if the transaction
    /// commits. Call [`Outbox::wake`] after the commit, so that it is delivered at once. Ordinary listeners do not get it.
    ///
    /// # Errors
    /// If the connection would not keep the event safe, such as one with `synchronous = NORMAL`, or is one to another database.
    fn in_tx<'a>(&'a self, tx: &'a Transaction<'a>) -> Result<InTransaction<'a>, StoreError>;

    /// The statement that stores an event, for a transaction of another driver than `rusqlite`. See [`SqliteStore::statement`].
    ///
    /// # Errors
    /// If the topic is not durable, or the payload cannot be written down.
    fn statement(&self, event: &dyn Event) -> Result<Statement, EmitError>;

    /// Subscribes a durable listener whose writes take effect **exactly once**: it writes through the transaction that it is given, and the
    /// mark that the event has ended is part of the same transaction. If it returns an error or panics, everything is rolled back.
    ///
    /// An error is retried with growing pauses, eight attempts in all: another process may hold the lock, or the disk may be full for a
    /// moment. [`on_tx_with`](SqliteOutbox::on_tx_with) has the retry of its options, or none.
    ///
    /// `name` is the durable name. The listener holds the only write lock of the file while it runs: keep it short, and emit nothing in it.
    ///
    /// # Errors
    /// As subscribing with [`ListenerOptions::durable`].
    fn on_tx<E: Into<BoxError> + 'static>(
        &self,
        pattern: &str,
        name: &str,
        listener: impl Fn(&dyn Event, &Transaction<'_>) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let retry = Retry::exponential(FIRST_DELAY, ATTEMPTS);
        let options = ListenerOptions::new().durable(name).retry(retry);
        self.on_tx_with(pattern, options, listener)
    }

    /// As [`on_tx`](SqliteOutbox::on_tx), with options, which must have a durable name.
    ///
    /// # Errors
    /// As [`on_tx`](SqliteOutbox::on_tx).
    fn on_tx_with<E: Into<BoxError> + 'static>(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: impl Fn(&dyn Event, &Transaction<'_>) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>;
}

/// Emits in a transaction. Returned by [`SqliteOutbox::in_tx`].
pub struct InTransaction<'a> {
    outbox: &'a Outbox,
    store: &'a SqliteStore,
    tx: &'a Transaction<'a>,
}

fn store(outbox: &Outbox) -> Result<&SqliteStore, StoreError> {
    let store = outbox.store();
    store.downcast_ref().ok_or_else(|| StoreError::Unsafe {
        store: store.name(),
        why:
            "it is no SQLite store, so it shares no transactions; build the outbox with SqliteStore"
                .into(),
    })
}

impl SqliteOutbox for Outbox {
    fn in_tx<'a>(&'a self, tx: &'a Transaction<'a>) -> Result<InTransaction<'a>, StoreError> {
        Ok(InTransaction {
            outbox: self,
            store: store(self)?,
            tx,
        })
    }

    fn statement(&self, event: &dyn Event) -> Result<Statement, EmitError> {
        let record = self.encode(event)?;
        match store(self) {
            Ok(store) => Ok(store.statement(&record)),
            Err(error) => Err(not_stored(event, NotStored::Store(error.into()))),
        }
    }

    fn on_tx_with<E: Into<BoxError> + 'static>(
        &self,
        pattern: &str,
        options: ListenerOptions,
        listener: impl Fn(&dyn Event, &Transaction<'_>) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError> {
        let name = options.durable_name().unwrap_or_default().into();
        let not_claimed = |reason: String| SubscribeError::NotClaimed {
            name,
            reason: reason.into(),
        };
        if let Err(error) = store(self) {
            return Err(not_claimed(error.to_string()));
        }
        if options.durable_name().is_none() {
            return Err(not_claimed(format!(
                "the listener of on_tx_with on {pattern} has none; name it with ListenerOptions::durable"
            )));
        }
        let outbox = self.downgrade();
        let apply = move |event: &dyn Event, delivery: &Delivery| -> Result<(), BoxError> {
            let Some(outbox) = outbox.upgrade() else {
                return Err("the outbox is gone".into());
            };
            let write = |tx: &Transaction<'_>| listener(event, tx);
            match store(&outbox)?.effect(&delivery.term, delivery.position, write) {
                Ok(Effect::Applied(()) | Effect::AlreadyDone) => Ok(()),
                Ok(Effect::Failed(error)) => Err(error.into()),
                // Another process has taken over, and handles the event.
                Err(error @ StoreError::Fenced { .. }) => Err(Permanent(error).into()),
                Err(error) => Err(error.into()),
            }
        };
        self.on_delivery(pattern, options, apply)
    }
}

impl InTransaction<'_> {
    /// Emits a payload.
    ///
    /// # Errors
    /// As [`Outbox::encode`], and if SQLite fails. The transaction is still open, without the event, unless a trigger has rolled it back.
    pub fn emit<T: std::any::Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<StoredEvent, EmitError> {
        let event = soiree_core::BaseEvent::new(topic, ());
        event.set_payload(Payload::new(payload));
        event.set_properties(Properties::new());
        self.emit_event(&event)
    }

    /// Emits an event with an ID and properties of the caller's.
    ///
    /// # Errors
    /// As [`emit`](Self::emit), and if another event with the same ID is stored.
    pub fn emit_event(&self, event: &dyn Event) -> Result<StoredEvent, EmitError> {
        let record = self.outbox.encode(event)?;
        let id = record.id;
        match self.store.append_in(self.tx, &record) {
            Ok(Appended::Conflict(_)) => Err(not_stored(event, NotStored::Conflict { id })),
            Ok(appended) => Ok(StoredEvent::new(id, appended)),
            Err(error) => Err(not_stored(event, NotStored::Store(error.into()))),
        }
    }
}

/// # Emitting in a transaction of the program's own
impl<T: std::any::Any + Send + Sync> TypedTopic<T> {
    /// Emits a payload in a transaction: `PAID.emit_in(&outbox.in_tx(&tx)?, invoice)`. See [`SqliteOutbox::in_tx`].
    ///
    /// # Errors
    /// As [`InTransaction::emit`]. The error returns the payload.
    pub fn emit_in(
        &self,
        tx: &InTransaction<'_>,
        payload: T,
    ) -> Result<StoredEvent, TypedEmitError<T>> {
        let stored = tx.emit(self.name(), payload);
        stored.map_err(TypedEmitError::new)
    }
}

fn not_stored(event: &dyn Event, source: NotStored) -> EmitError {
    EmitError::NotStored {
        topic: event.topic().into(),
        payload: event.payload(),
        source,
    }
}

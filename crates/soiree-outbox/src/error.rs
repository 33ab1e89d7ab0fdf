//! Errors of outboxes.

use std::io;
use std::sync::Arc;

use soiree_core::store::StoreError;
use soiree_core::{InvalidTopic, SubscribeError};
use soiree_engine::CloseError;

use crate::info::StartReport;

/// An outbox was not built or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pattern of a codec is malformed.
    #[error(transparent)]
    InvalidPattern(#[from] InvalidTopic),
    /// No topic is durable.
    #[error(
        "an outbox without a codec stores nothing; declare durable topics with `json` or `codec`"
    )]
    NoCodec,
    /// A setting is zero.
    #[error("{setting} is 0, and must be at least 1")]
    Zero {
        /// Its name.
        setting: &'static str,
    },
    /// The event pool reserves the durable topics for another outbox, or is closed.
    #[error("the durable topics cannot be reserved: {0}")]
    Reserve(#[source] SubscribeError),
    /// The event pool has no timer, which retries need.
    #[error("the event pool has no timer, which durable retries need; build it with one")]
    NoTimer,
    /// A thread could not be started.
    #[error("no thread could be started for the outbox: {0}")]
    Spawn(#[source] io::Error),
    /// The store knows listeners that are not subscribed here, and the outbox was built with [`Orphans::Reject`](crate::Orphans::Reject).
    #[error("{store}: {found}; subscribe those that are not, or rename or remove them")]
    Orphans {
        /// The store.
        store: String,
        /// The listeners.
        found: StartReport,
    },
    /// It was started before.
    #[error("the outbox has been started already")]
    Started,
    /// It is closed.
    #[error("the outbox is closed")]
    Closed,
}

/// An outbox was not closed in order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseOutboxError {
    /// It is closed, or closing.
    #[error("the outbox is closed already")]
    Closed,
    /// Deliveries had not ended at the deadline. Their events are delivered again after the next start.
    #[error(
        "{running} deliveries had not ended at the deadline; their events are delivered again after the next start"
    )]
    Running {
        /// How many.
        running: usize,
    },
    /// The outbox itself was still at work at the deadline: code of the program holds its threads or its store up, such as a listener in a transaction of
    /// the store or a key function, or the disk does not answer. What was committed is not lost. Its claims end, and its store is
    /// closed, once that has ended, or with the process. Deliveries that were not acknowledged are repeated.
    #[error(
        "the outbox was still at work at the deadline, with {running} deliveries that had not ended: a listener in a transaction, a key \
         function, a codec or the disk holds it up; other processes can take over once that has ended, or this process has"
    )]
    Unfinished {
        /// How many deliveries had not ended.
        running: usize,
    },
    /// The store failed, or did not take what listeners have done. What was committed is not lost; deliveries that were not acknowledged are
    /// repeated.
    #[error("the outbox is closed, but its store failed: {0}")]
    Store(#[source] Arc<StoreError>),
    /// The event pool was not closed in order.
    #[error(transparent)]
    EventPool(#[from] CloseError),
}

/// Not every event had ended before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not every durable event had ended before the deadline{reason}")]
pub struct DrainOutboxTimeout {
    pub(crate) reason: &'static str,
}

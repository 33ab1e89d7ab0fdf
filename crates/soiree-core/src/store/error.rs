//! Errors of stores.

use crate::listener::BoxError;

/// A store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room: the disk is full, or a limit of the store is reached. Nothing is stored.
    #[error("{store} is full: {reason}")]
    Full {
        /// The store.
        store: String,
        /// What is full.
        reason: String,
    },
    /// An event is larger than the store takes.
    #[error(
        "{store} takes payloads of at most {limit} bytes, this one has {bytes}; raise max_payload of the store, or emit where the data is"
    )]
    TooLarge {
        /// The store.
        store: String,
        /// The size of the payload in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
    /// A rule that the program has added to the store keeps one of the events out: a trigger, or a unique index. Nothing of the batch is stored.
    #[error("{store} does not take the event: {reason}; change the event, or that rule")]
    Rejected {
        /// The store.
        store: String,
        /// The rule.
        reason: String,
    },
    /// Another process or connection holds what is needed. Trying again may help.
    #[error("{store} is busy: {reason}")]
    Busy {
        /// The store.
        store: String,
        /// Who holds what.
        reason: String,
    },
    /// Another process has claimed the listener since. Nothing of the batch is stored.
    #[error(
        "another process has taken over the listener {listener:?} of {store}, and handles its events; there is nothing to do"
    )]
    Fenced {
        /// The store.
        store: String,
        /// The listener.
        listener: String,
    },
    /// The store is damaged.
    #[error("{store} is damaged: {place}; restore it from a backup")]
    Corrupt {
        /// The store.
        store: String,
        /// Where, and what is wrong.
        place: String,
    },
    /// A newer version of this library has written the store.
    #[error(
        "{store} has schema version {found}, and this program knows versions up to {known}; update the program"
    )]
    NewerSchema {
        /// The store.
        store: String,
        /// The version of the store.
        found: i64,
        /// The newest version that this library knows.
        known: i64,
    },
    /// Events would not be safe in this store.
    #[error("{store} would not keep events safe: {why}")]
    Unsafe {
        /// The store.
        store: String,
        /// Why, and what to do.
        why: String,
    },
    /// A commit failed in a way that leaves open whether it is on the disk. The store takes nothing more until it is opened again.
    #[error("whether {store} has stored this is unknown: {source}; open it again to find out")]
    Unknown {
        /// The store.
        store: String,
        /// What failed.
        #[source]
        source: BoxError,
    },
    /// The store is not open, or no longer.
    #[error(
        "{store} is not open: it was not opened, or was closed after a commit that failed; open it, or build an outbox with it"
    )]
    NotOpen {
        /// The store.
        store: String,
    },
    /// Reading or writing failed. Nothing of the batch is stored.
    #[error("{store} cannot be used: {source}")]
    Io {
        /// The store.
        store: String,
        /// What failed.
        #[source]
        source: BoxError,
    },
}

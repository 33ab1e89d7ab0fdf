//! Where durable events are kept: the contract of a store.
//!
//! A store keeps a log of events, and for each durable listener how far it has come. It needs no runtime: every method may block.
//! `soiree-outbox` is the only caller that programs need; write a store to keep events elsewhere.
//!
//! Per listener, an event of the log is in one of these states:
//!
//! - *waiting*: above the listener's floor, without a mark;
//! - *ended*: at or below the floor, or marked as done above it, and not parked. It was handled, or skipped;
//! - *parked*: it has a [`Parked`] entry, whether the floor has passed it or not.

mod batch;
mod claim;
mod clock;
mod error;
mod record;

use std::any::Any;

pub use self::batch::{Appended, Batch, Marks};
pub use self::claim::{Claim, Progress, StartFrom, StoredListener, Term};
pub use self::clock::{SystemClock, WallClock};
pub use self::error::StoreError;
pub use self::record::{ListenerState, Millis, NewRecord, Parked, ParkedState, Position, Record};

use crate::event_id::EventId;

/// What a store knows when it is opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The ID of the store. It was drawn when the store was made, and never changes.
    pub id: EventId,
    /// The last position that was given to an event.
    pub last: Position,
    /// The durable listeners that the store knows, by name.
    pub listeners: Vec<StoredListener>,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Events that are stored, ended ones included until they are swept.
    pub events: u64,
    /// Bytes on the disk, or in memory if there is no disk.
    pub bytes: u64,
    /// Bytes of the write-ahead log, if there is one.
    pub wal_bytes: u64,
}

/// How much to read at once. At least one record is read if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The most records.
    pub records: usize,
    /// The most bytes of payloads.
    pub bytes: usize,
}

/// A log of events, and the progress of durable listeners.
///
/// # For implementors
/// - Every method may be called from any thread, at the same time as others. One thread at a time calls [`commit`](Store::commit).
/// - Positions ascend in the order in which events become visible: once [`read`](Store::read) has returned a position, no event with a
///   lower one appears. A position is never given twice, even if its event was swept.
/// - What `commit` has returned `Ok` for survives the end of the process at any moment, and a power cut if the store is on a disk.
/// - Marks of a term that was overtaken change nothing: the whole batch is [`Fenced`](StoreError::Fenced).
/// - An I/O error, damage or a full disk is an error that names the place. No method panics.
pub trait Store: Any + Send + Sync {
    /// What the store is called in errors, metrics and graphs, such as the path of its file.
    fn name(&self) -> String;

    /// Opens the store, and brings its schema up to date. Called once, before everything else; again after an
    /// [`Unknown`](StoreError::Unknown) outcome.
    ///
    /// # Errors
    /// If there is no such store and it cannot be made, or if it cannot be trusted.
    fn open(&self) -> Result<Opened, StoreError>;

    /// Appends events and records progress: all of it, or nothing. Returns what became of each event, in order.
    ///
    /// Appends come first: a mark may name a position that the same batch appends.
    ///
    /// # Errors
    /// Nothing of the batch is stored, unless the error is [`Unknown`](StoreError::Unknown).
    fn commit(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError>;

    /// Adds the events after a position to `into`, in ascending order.
    ///
    /// A record whose bytes are damaged is added with [`Record::damage`].
    ///
    /// # Errors
    /// If the store cannot be read.
    fn read(&self, after: Position, limit: Limit, into: &mut Vec<Record>)
    -> Result<(), StoreError>;

    /// Adds the events at these positions to `into`, in ascending order. Those that are not there are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn fetch(&self, at: &[Position], into: &mut Vec<Record>) -> Result<(), StoreError>;

    /// Finds an event by its ID.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn find(&self, id: EventId) -> Result<Option<Record>, StoreError>;

    /// Takes the listener of this name for this process, and registers it if the store does not know it. Does not wait for another
    /// process.
    ///
    /// The pattern is recorded; it replaces the one of before. A claim raises the listener's term.
    ///
    /// # Errors
    /// If the store fails.
    fn claim(&self, listener: &str, pattern: &str, start: StartFrom) -> Result<Claim, StoreError>;

    /// Confirms that a claim still holds, and extends it if claims of this store end by themselves.
    ///
    /// # Errors
    /// If the store fails.
    fn renew(&self, term: &Term) -> Result<bool, StoreError>;

    /// Ends a claim. Does nothing if it was overtaken.
    ///
    /// # Errors
    /// If the store fails. The claim ends when the process does.
    fn release(&self, term: &Term) -> Result<(), StoreError>;

    /// The durable listeners that the store knows, with their progress.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn listeners(&self) -> Result<Vec<StoredListener>, StoreError>;

    /// Removes a listener that no process has claimed, its progress and its parked events. Returns whether it did.
    ///
    /// # Errors
    /// If the store fails, or a process has claimed it: [`Busy`](StoreError::Busy).
    fn remove_listener(&self, listener: &str) -> Result<bool, StoreError>;

    /// Renames a listener that no process has claimed. Returns `false` if there is no such listener, or there is one of the new name.
    ///
    /// # Errors
    /// If the store fails, or a process has claimed it: [`Busy`](StoreError::Busy).
    fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError>;

    /// The parked events of a listener after a position, in ascending order, at most `limit`. Only those in `state`, if there is one.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn parked(
        &self,
        listener: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError>;

    /// How an event stands with each listener that the store knows. Patterns are not compared: an event that does not match a listener
    /// is waiting until the listener's floor passes it.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn states(&self, at: Position) -> Result<Vec<(String, ListenerState)>, StoreError>;

    /// Makes dead events of a listener due at once, with no attempt counted: they are parked as [`Retry`](ParkedState::Retry) then. Needs no
    /// claim: the owner of a listener leaves dead events alone, and finds those that were redriven. Returns the positions that were dead.
    ///
    /// # Errors
    /// If the store fails.
    fn redrive(
        &self,
        listener: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError>;

    /// Ends dead events of a listener without handling them. Needs no claim. Returns the positions that were dead.
    ///
    /// # Errors
    /// If the store fails.
    fn discard(&self, listener: &str, at: &[Position]) -> Result<Vec<Position>, StoreError>;

    /// Removes events at or below `up_to` that were emitted before `before`, at most `limit`. Keeps those that a listener has not ended:
    /// above its floor and not done, or parked. Returns how many it has removed.
    ///
    /// It may leave some of them to the next calls, so that one call takes a bounded time. Repeated calls remove all.
    ///
    /// # Errors
    /// If the store fails.
    fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> Result<u64, StoreError>;

    /// How much the store holds.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn size(&self) -> Result<Size, StoreError>;

    /// Whether another process may have changed the store since the last call. Cheap. `false` by default, for stores of one process.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn changed(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Closes the store: what a next [`open`](Store::open) needs is on the disk. Does nothing by default.
    ///
    /// # Errors
    /// If the store fails. What was committed is not lost.
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl dyn Store {
    /// The store as its own type, if it is this one.
    pub fn downcast_ref<S: Store>(&self) -> Option<&S> {
        (self as &dyn Any).downcast_ref()
    }
}

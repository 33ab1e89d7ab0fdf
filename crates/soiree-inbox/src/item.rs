//! What an inbox yields, and the errors of receiving.

use std::fmt;
use std::sync::{Arc, Weak};

use soiree_core::Event;

/// What an inbox yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<E = Arc<dyn Event>> {
    /// An event that matched.
    Event(E),
    /// So many events that matched were missed here.
    Missed(u64),
}

/// The next item of an inbox, as its [channel](crate::Inbox::receiver) yields it. Pass it to [`Inbox::take`](crate::Inbox::take).
///
/// One that is dropped instead is in the channel again, at its place.
#[must_use = "until it is taken, it counts towards the capacity"]
pub struct Queued {
    number: u64,
    /// `None` once it was taken.
    inbox: Option<Weak<dyn GivesBack>>,
}

/// The inbox that an item came from.
pub(crate) trait GivesBack: Send + Sync {
    /// The item was not taken.
    fn give_back(&self, number: u64);
}

impl Queued {
    pub(crate) fn new(number: u64, inbox: &Weak<dyn GivesBack>) -> Self {
        let inbox = Some(Weak::clone(inbox));
        Self { number, inbox }
    }

    pub(crate) fn is_of(&self, inbox: &Weak<dyn GivesBack>) -> bool {
        self.inbox.as_ref().is_some_and(|own| own.ptr_eq(inbox))
    }

    /// The number of the item, which is not given back.
    pub(crate) fn into_number(mut self) -> u64 {
        self.inbox = None;
        self.number
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(inbox) = self.inbox.take().and_then(|inbox| inbox.upgrade()) {
            inbox.give_back(self.number);
        }
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queued").field(&self.number).finish()
    }
}

/// The inbox has ended: its `EventPool` was closed, and all that it held was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inbox has ended")]
pub struct Closed;

/// Nothing was received at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryRecvError {
    /// The inbox is empty.
    #[error("the inbox is empty")]
    Empty,
    /// The inbox has ended.
    #[error("the inbox has ended")]
    Closed,
}

/// Nothing was received in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecvTimeoutError {
    /// The inbox was empty all the time.
    #[error("nothing came in time")]
    TimedOut,
    /// The inbox has ended.
    #[error("the inbox has ended")]
    Closed,
}

//! The figures of inboxes.

/// The figures of an inbox: a bounded queue of events that the program receives itself.
///
/// An inbox that nobody reads holds events, and has `received` none. The listener that fills it has the pattern and the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxInfo {
    /// How many events it holds at most.
    pub capacity: usize,
    /// How many it holds.
    pub waiting: usize,
    /// How many were received from it.
    pub received: u64,
    /// How many it had no room for. They were dropped, and the inbox says so in the sequence.
    pub missed: u64,
    /// How many emissions wait for room in it.
    pub blocked: usize,
}

impl InboxInfo {
    /// An empty inbox. Set the numbers as fields. For implementors of inboxes.
    pub const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            waiting: 0,
            received: 0,
            missed: 0,
            blocked: 0,
        }
    }
}

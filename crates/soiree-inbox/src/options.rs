//! The options of an inbox.

use soiree_core::ListenerOptions;

/// What happens to an event that matches while the inbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// The oldest event in the inbox is dropped, and the new one takes its place. The default.
    #[default]
    DropOldest,
    /// The new event is dropped.
    DropNewest,
    /// The emission waits, and holds its worker, until there is room. Nothing is missed.
    ///
    /// A thread that emits with `emit_sync` to an inbox that only it reads waits forever. So does a listener that is to read the inbox and
    /// finds no free worker, as the emissions that wait hold them all; and so does a close without a deadline, if nobody reads the inbox any
    /// more. Dropping the inbox ends all these waits.
    Block,
}

/// Options of an [`Inbox`](crate::Inbox).
///
/// ```
/// use soiree_core::Priority;
/// use soiree_inbox::{InboxOptions, WhenFull};
///
/// let options = InboxOptions::new(256).when_full(WhenFull::DropNewest);
/// assert_eq!(options.capacity, 256);
/// # let _ = options.listener(Priority::High);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InboxOptions {
    /// How many events the inbox holds at most.
    pub capacity: usize,
    /// What happens to an event that matches while the inbox is full.
    pub when_full: WhenFull,
    listener: ListenerOptions,
}

impl InboxOptions {
    /// Options for an inbox that holds up to `capacity` events. What it does not hold is not allocated.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            when_full: WhenFull::default(),
            listener: ListenerOptions::new(),
        }
    }

    /// Sets what happens to an event that matches while the inbox is full. [`WhenFull::DropOldest`] by default.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the options of the listener that fills the inbox: a name, a priority, a filter, a pool.
    #[must_use]
    pub fn listener(mut self, options: impl Into<ListenerOptions>) -> Self {
        self.listener = options.into();
        self
    }

    pub(crate) fn into_listener(self) -> ListenerOptions {
        self.listener
    }
}

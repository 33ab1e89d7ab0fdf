//! What the events of a pattern, or the calls of a listener, are ordered by, and how.

use std::fmt;
use std::sync::Arc;

use crate::event::Event;
use crate::ordering_key::OrderingKey;
use crate::panic::Contained;
use crate::pool::Overflow;

type KeyFn = Arc<dyn Fn(&dyn Event) -> Option<OrderingKey> + Send + Sync>;

/// Handles the events of one key in the order of their emits, and the events of different keys in parallel.
///
/// An `EventPool` takes it together with a pattern, and orders all listeners of its events. A listener takes it as an
/// [option](crate::ListenerOptions::ordered), and is ordered alone; what is different then is said there. A key function returns the key of
/// an event; with `None` the event is not ordered.
///
/// ```
/// use soiree_core::{KeyOrder, Overflow};
///
/// struct Account {
///     id: u64,
/// }
///
/// let order = KeyOrder::by(|event| event.payload_as::<Account>().map(|account| account.id))
///     .capacity(1000)
///     .overflow(Overflow::Reject);
/// ```
///
/// # Order
/// - If the `emit` of one event returned before the `emit` of another event of its key was called, the first event is handled first. It
///   has *ended* before the second one starts: every listener on every pool has returned, with all retries. If two emits overlap in
///   time, either may come first.
/// - An event that fails, panics or is dropped by its pool lets the next one start. A listener that has timed out counts as ended,
///   though it may still run.
/// - An event that waits behind another one takes no worker and no place in a pool's queue, so it delays no other key. A key without
///   events takes no memory.
/// - Two orders do not order each other's events, even if they make the same key. Events of one order stay ordered whatever bulkheads
///   they are routed to.
///
/// # Bounds
/// At most [`capacity`](KeyOrder::capacity) events of an order wait behind others; events that a pool already has do not count. Beyond
/// that, an emit for a busy key waits for room, or does what [`overflow`](KeyOrder::overflow) says. Emitters on threads and in tasks get
/// room in the order in which they began to wait; one whose key is idle needs none. One
/// overloaded key can therefore block emits for every busy key of its order. Choose a capacity above what one key may have, or reject.
/// Inside a listener, and on a worker of any pool of the `EventPool`, an emit never waits for room: it is rejected, and the payload comes
/// back.
///
/// An event that has become the first of its key while its pool is full waits for the pool. It is not lost; each attempt to submit it
/// adds one to the pool's rejected jobs. If its bulkhead has been removed, it goes where its topic goes without that bulkhead. If its
/// pool was stopped, it is discarded, and its report says so.
///
/// # Inside listeners
/// An event that a listener emits for the key it is handling waits behind the event that it is handling. Waiting for it would mean
/// waiting for itself, and returns an unfinished report at once. Two listeners on different threads that
/// each wait for an event behind the other's wait forever.
///
/// `emit_sync`, and the `trigger` of a topic, wait until the events before them have ended, and later events of the key wait for them.
/// Inside a listener they do not wait: they are rejected if the key is busy.
///
/// # Key function
/// It is called once for each emit, on the emitting thread, under no lock. If it panics, the emit is rejected.
#[derive(Clone)]
#[must_use]
pub struct KeyOrder {
    key: Contained<KeyFn>,
    capacity: Option<usize>,
    overflow: Overflow,
    overtaking_retries: bool,
}

impl KeyOrder {
    /// Orders events by the key that this function returns; `None` leaves the event unordered.
    pub fn by<K: Into<OrderingKey>>(
        key: impl Fn(&dyn Event) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        let key: KeyFn = Arc::new(move |event| key(event).map(Into::into));
        Self {
            key: key.into(),
            capacity: None,
            overflow: Overflow::Block,
            overtaking_retries: false,
        }
    }

    /// How many events may wait behind others of their key, all keys of the order together. Unless set, as many as fit into the queue of
    /// the event's pool. With 0 no event waits, and an emit for a busy key blocks until the key is free.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = Some(events);
        self
    }

    /// What an emit does if there is no room: [`Block`](Overflow::Block), the default, [`BlockFor`](Overflow::BlockFor) or
    /// [`Reject`](Overflow::Reject). Adding an order with another policy is an error.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Lets the next event of a key start when every listener of the one before has been called once, without waiting for retries. So a
    /// later event may be handled before the retry of an earlier one.
    pub fn overtaking_retries(mut self) -> Self {
        self.overtaking_retries = true;
        self
    }
}

impl KeyOrder {
    /// How many events may wait; `None` for as many as in the queue of their pool.
    pub fn limit(&self) -> Option<usize> {
        self.capacity
    }

    /// The key of an event. Runs user code, which may panic.
    pub fn key(&self, event: &dyn Event) -> Option<OrderingKey> {
        (self.key)(event)
    }

    /// What an emit does if there is no room.
    pub fn overflow_policy(&self) -> Overflow {
        self.overflow
    }

    /// Whether the next event of a key may start before the retries of the one before have ended.
    pub fn lets_retries_be_overtaken(&self) -> bool {
        self.overtaking_retries
    }
}

impl fmt::Debug for KeyOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyOrder")
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .field("overtaking_retries", &self.overtaking_retries)
            .finish_non_exhaustive()
    }
}

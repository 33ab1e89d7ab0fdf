//! By what the events of a pattern are ordered, and how.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::key::OrderingKey;
use super::lanes::{Lanes, Patience};
use soiree_core::{Event, Overflow, Pattern};

type KeyFn = Arc<dyn Fn(&dyn Event) -> Option<OrderingKey> + Send + Sync>;

/// Events of one key are handled in the order of their emits, events of different keys in parallel.
///
/// Given to an `EventPool` together with a pattern. A key function says which key an event has; `None` is not ordered.
///
/// ```
/// use soiree_core::Overflow;
/// use soiree_engine::KeyOrder;
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
/// # What holds
/// - Of two events of one key, the one whose `emit` returned before the other's was called is handled first, and has *ended*
///   before the other begins: with every listener on every pool, with all retries. That it failed, panicked, or was dropped by
///   its pool lets the next one go ahead. A listener that has timed out counts as ended, though it may still run. Emits that overlap in time are in either order.
/// - An event that is behind another one of its key waits in the *lane* of the key: it takes no worker and no place in a pool's
///   queue, so it holds up no other key. A lane is there only while it has events.
/// - Keys are apart by rule: two rules that make the same key do not order each other's events. Events of one rule are ordered
///   whatever bulkheads they are routed to.
///
/// # What is bounded
/// So many events of a rule may wait behind others as [`capacity`](KeyOrder::capacity) says; those that a pool has already do
/// not count. Once they do, an emit for a key that is busy waits for room, or does what [`overflow`](KeyOrder::overflow) says. So a
/// key that gets more than it can do holds up the emits for other busy keys of its rule in the end; make the capacity larger than
/// what one key may have, or reject. Inside a listener, and on a worker of any pool of the `EventPool`, an emit never waits for
/// room: it is refused, and the payload comes back.
///
/// An event whose turn has come while its pool is full waits for the pool, and is not lost; each time that it tries is one more that the
/// pool counts as rejected. If its bulkhead has been drained, it
/// goes where its topic goes without it; if its pool was stopped, it is discarded, and its report says so.
///
/// # Inside listeners
/// What a listener emits for the key that it is handling is behind the event that it is handling. To wait for it would be to wait
/// for itself, and gives an [`unfinished`](crate::Report::unfinished) report at once. Two listeners on different threads that wait for
/// an event behind each other's do wait for ever.
///
/// An `emit_sync`, or the `trigger` of a topic, waits until it is its turn, and others of its key wait for it. Inside a listener it does
/// not wait: it is refused if events of its key are on their way.
///
/// # The key function
/// It is called once for each emit, on the thread that emits, under no lock. If it panics the emit is refused.
#[derive(Clone)]
#[must_use]
pub struct KeyOrder {
    key: KeyFn,
    capacity: Option<usize>,
    pub(super) overflow: Overflow,
    overtaking_retries: bool,
}

/// How a pattern's events are ordered by key, and those that are on their way.
pub(crate) struct Rule {
    pub(crate) pattern: Pattern,
    pub(crate) order: KeyOrder,
    pub(crate) lanes: Lanes,
}

impl KeyOrder {
    /// By the key that this makes of an event; `None` leaves the event unordered.
    pub fn by<K: Into<OrderingKey>>(
        key: impl Fn(&dyn Event) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        Self {
            key: Arc::new(move |event| key(event).map(Into::into)),
            capacity: None,
            overflow: Overflow::Block,
            overtaking_retries: false,
        }
    }

    /// How many events may wait behind others of their key, all keys of the rule together. As many as the queue of the pool that
    /// the event is for, unless set. With 0 none waits, and an emit for a busy key waits until it is not.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = Some(events);
        self
    }

    /// What an emit does that finds no room: [`Block`](Overflow::Block), which is the default, [`BlockFor`](Overflow::BlockFor) or
    /// [`Reject`](Overflow::Reject). The others are refused when the rule is added.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Lets the next event of a key begin when every listener has been called once, whether or not one of them failed and is to
    /// be called again. So a later event may be handled before an earlier one's retry.
    pub fn overtaking_retries(mut self) -> Self {
        self.overtaking_retries = true;
        self
    }
}

impl KeyOrder {
    /// How many events may wait; `None` for as many as in the queue of their pool.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.capacity
    }
}

impl Rule {
    pub(super) fn new(pattern: Pattern, order: KeyOrder) -> Arc<Self> {
        Arc::new(Self {
            pattern,
            order,
            lanes: Lanes::new(),
        })
    }

    /// Runs user code, which may panic.
    pub(crate) fn key(&self, event: &dyn Event) -> Option<OrderingKey> {
        (self.order.key)(event)
    }

    pub(crate) fn lets_retries_be_overtaken(&self) -> bool {
        self.order.overtaking_retries
    }

    /// How long an emit may wait for room.
    pub(crate) fn patience(&self) -> Patience {
        match self.order.overflow {
            Overflow::Block => Patience::Endless,
            Overflow::BlockFor(longest) => match Instant::now().checked_add(longest) {
                Some(deadline) => Patience::Until(deadline, longest),
                None => Patience::Endless,
            },
            _ => Patience::None,
        }
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

//! How many calls of one listener may run at once, and in which order.

use std::sync::Arc;

use crate::error::SubscribeError;
use crate::event::Event;
use crate::key_order::KeyOrder;
use crate::ordering_key::OrderingKey;
use crate::panic::Contained;
use crate::pool::Overflow;

type KeyFn = Arc<dyn Fn(&dyn Event) -> Option<OrderingKey> + Send + Sync>;

/// The limit of a listener's calls that run at once: of all its calls, or of those whose events have the same key.
#[derive(Clone)]
pub struct MaxConcurrent {
    calls: usize,
    by: By,
}

#[derive(Clone)]
enum By {
    Listener,
    Key(Contained<KeyFn>),
    /// By key, and in the order of the emits.
    Order(KeyOrder),
}

/// What the calls are counted by that an event leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LimitedBy {
    /// All calls of the listener count together.
    Listener,
    /// Those whose events have this key do.
    Key(OrderingKey),
}

impl MaxConcurrent {
    pub(crate) fn new(calls: usize) -> Self {
        let by = By::Listener;
        Self { calls, by }
    }

    pub(crate) fn by<K: Into<OrderingKey>>(
        calls: usize,
        key: impl Fn(&dyn Event) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        let key: KeyFn = Arc::new(move |event| key(event).map(Into::into));
        let by = By::Key(key.into());
        Self { calls, by }
    }

    /// The limit of a listener with these options. An order by key is one, too.
    pub(crate) fn of(
        limit: Option<Self>,
        order: Option<KeyOrder>,
    ) -> Result<Option<Self>, SubscribeError> {
        match (limit, order) {
            (None, None) => Ok(None),
            (Some(Self { calls: 0, .. }), _) => Err(SubscribeError::ZeroConcurrent),
            (Some(limit), None) => Ok(Some(limit)),
            (Some(Self { calls, .. }), Some(_)) => Err(SubscribeError::OrderedAndLimited { calls }),
            (None, Some(order)) => match (order.limit(), order.overflow_policy()) {
                (None, Overflow::Block) => Ok(Some(Self {
                    calls: 1,
                    by: By::Order(order),
                })),
                (capacity, overflow) => Err(SubscribeError::OrderedCapacity { capacity, overflow }),
            },
        }
    }

    /// How many calls may run at once.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Whether calls take their places when their events are emitted, and not when an emission reaches the listener.
    pub fn is_ordered(&self) -> bool {
        matches!(self.by, By::Order(_))
    }

    /// Whether a call keeps its place until its retries have ended.
    pub fn spans_retries(&self) -> bool {
        match &self.by {
            By::Order(order) => !order.lets_retries_be_overtaken(),
            By::Listener | By::Key(_) => false,
        }
    }

    /// What the call for this event counts with; `None` if it is not limited. Runs user code, which may panic.
    pub fn limited_by(&self, event: &dyn Event) -> Option<LimitedBy> {
        match &self.by {
            By::Listener => Some(LimitedBy::Listener),
            By::Key(key) => key(event).map(LimitedBy::Key),
            By::Order(order) => order.key(event).map(LimitedBy::Key),
        }
    }
}

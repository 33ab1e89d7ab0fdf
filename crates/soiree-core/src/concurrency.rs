//! How many calls of one listener may run at once.

use std::sync::Arc;

use crate::event::Event;
use crate::ordering_key::OrderingKey;
use crate::panic::Contained;

type KeyFn = Arc<dyn Fn(&dyn Event) -> Option<OrderingKey> + Send + Sync>;

/// The limit of a listener's calls that run at once: of all its calls, or of those whose events have the same key.
#[derive(Clone)]
pub struct MaxConcurrent {
    calls: usize,
    key: Option<Contained<KeyFn>>,
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
        Self { calls, key: None }
    }

    pub(crate) fn by<K: Into<OrderingKey>>(
        calls: usize,
        key: impl Fn(&dyn Event) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        let key: KeyFn = Arc::new(move |event| key(event).map(Into::into));
        Self {
            calls,
            key: Some(key.into()),
        }
    }

    /// How many calls may run at once.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Whether calls are counted by key.
    pub fn is_by_key(&self) -> bool {
        self.key.is_some()
    }

    /// What the call for this event counts with; `None` if it is not limited. Runs user code, which may panic.
    pub fn limited_by(&self, event: &dyn Event) -> Option<LimitedBy> {
        match &self.key {
            None => Some(LimitedBy::Listener),
            Some(key) => key(event).map(LimitedBy::Key),
        }
    }
}

//! Durable listeners, and taking options apart for what calls them.

use std::sync::Arc;

use super::ListenerOptions;
use crate::key_order::KeyOrder;
use crate::retry::Retry;

impl ListenerOptions {
    /// Makes the listener durable: it gets every event of its pattern that an outbox has stored, also after a restart.
    ///
    /// `name` is what the listener is known by in the store, where its progress is kept. It must be the same in every run of the
    /// program: a listener with another name is another listener, which knows nothing of what this one has handled. It is also
    /// the [`name`](ListenerOptions::name) that errors and metrics show, unless that is set.
    ///
    /// Only an outbox subscribes durable listeners. A plain `EventPool` keeps nothing, and so it is an error to subscribe one there. A
    /// name that is empty, blank or contains control characters is an error when the listener is subscribed.
    ///
    /// ```
    /// use soiree_core::ListenerOptions;
    /// let receipt = ListenerOptions::new().durable("receipt-mail").pool("mail");
    /// assert_eq!(receipt.durable_name(), Some("receipt-mail"));
    /// ```
    #[must_use]
    pub fn durable(mut self, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        self.name.get_or_insert_with(|| Arc::clone(&name));
        self.durable = Some(name);
        self
    }

    /// The name of a [durable](ListenerOptions::durable) listener. `None` if the listener is not durable.
    pub fn durable_name(&self) -> Option<&str> {
        self.durable.as_deref()
    }

    /// How the listener is [retried](ListenerOptions::retry), if it is.
    pub fn retry_policy(&self) -> Option<&Retry> {
        self.retry.as_ref()
    }

    /// What the calls of the listener are [ordered](ListenerOptions::ordered) by, if they are.
    pub fn key_order(&self) -> Option<&KeyOrder> {
        self.ordered.as_ref()
    }

    /// [How often](ListenerOptions::max_runs) the listener is called before it is removed, if that is limited.
    pub fn run_limit(&self) -> Option<u64> {
        self.max_runs
    }

    /// The same options without a [retry](ListenerOptions::retry), for a caller that retries the listener itself.
    #[must_use]
    pub fn without_retry(mut self) -> Self {
        self.retry = None;
        self
    }

    /// The same options without an [order](ListenerOptions::ordered), for a caller that orders the calls itself.
    #[must_use]
    pub fn without_order(mut self) -> Self {
        self.ordered = None;
        self
    }

    /// The same options of a listener that is not [durable](ListenerOptions::durable).
    #[must_use]
    pub fn without_durable(mut self) -> Self {
        self.durable = None;
        self
    }
}

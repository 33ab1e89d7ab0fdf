//! Subscriptions.

use super::listener::ListenerRef;

/// A listener was subscribed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SubscriptionAdded<'a> {
    /// The listener.
    pub listener: ListenerRef<'a>,
}

/// A listener was removed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SubscriptionRemoved<'a> {
    /// The listener.
    pub listener: ListenerRef<'a>,
    /// Why it was removed.
    pub cause: RemovalCause,
}

/// Why a listener was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovalCause {
    /// The program unsubscribed it.
    Unsubscribed,
    /// It has used up its last run.
    Exhausted,
    /// The `EventPool` was closed or dropped.
    Closed,
}

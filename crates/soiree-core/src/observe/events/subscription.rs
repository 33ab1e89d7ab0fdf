//! Subscriptions.

use std::fmt;
use std::panic::Location;

use super::listener::ListenerRef;
use super::macros::constructors;

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

/// More listeners are subscribed to one pattern than the program says is usual. Often they leak: something subscribes again and
/// again, and never unsubscribes.
///
/// Its `Display` is one line.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ManyListeners<'a> {
    /// The pattern.
    pub pattern: &'a str,
    /// How many listeners it has.
    pub listeners: usize,
    /// How many are usual.
    pub threshold: usize,
    /// The places in the source that subscribed them, those of most listeners first.
    pub places: &'a [SubscribedAt],
}

/// A place in the source that subscribes listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscribedAt {
    /// The place, if known.
    pub location: Option<&'static Location<'static>>,
    /// How many listeners of the pattern it has subscribed.
    pub listeners: usize,
}

/// The line names this many places.
const SHOWN_PLACES: usize = 3;

impl fmt::Display for ManyListeners<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pattern,
            listeners,
            threshold,
            places,
        } = self;
        write!(
            f,
            "{listeners} listeners are subscribed to {pattern}, more than {threshold}; do they leak? Subscribed"
        )?;
        for (number, place) in places.iter().take(SHOWN_PLACES).enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma} {} ", place.listeners)?;
            match place.location {
                Some(location) => write!(f, "at {location}")?,
                None => f.write_str("at an unknown place")?,
            }
        }
        match places.len().saturating_sub(SHOWN_PLACES) {
            0 => Ok(()),
            more => write!(f, ", others at {more} more places"),
        }
    }
}

constructors! {
    ManyListeners { pattern: &'a str, listeners: usize, threshold: usize, places: &'a [SubscribedAt] }
}

//! Listeners that fail are retried, and events whose attempts are used up become dead letters.

mod advice;
mod attempts;
mod close;
mod dead_letter;
mod unsubscribed;

use std::time::Duration;

use soiree_core::{ListenerOptions, Retry};

/// Options with this many attempts, a millisecond apart.
pub(crate) fn retried(attempts: u32) -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), attempts))
}

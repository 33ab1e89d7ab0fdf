//! Listeners that fail are called again, and events whose attempts are used up become dead letters.

mod attempts;
mod close;
mod dead_letter;

use std::time::Duration;

use soiree_core::{ListenerOptions, Retry};

/// Retried after a moment, until this many attempts have failed.
pub(crate) fn retried(attempts: u32) -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(Duration::from_millis(1), attempts))
}

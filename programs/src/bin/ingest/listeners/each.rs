//! What all listeners have.

use std::io;
use std::path::Path;
use std::time::Duration;

use soiree::{Event, ListenerOptions, Retry};
use tracing::info;

use crate::draft::trace;

/// A durable listener on the bulkhead of its name. For trouble that passes, such as a full disk, it has a retry.
pub(super) fn durable(name: &'static str) -> ListenerOptions {
    let retry =
        Retry::exponential(Duration::from_millis(100), 8).max_delay(Duration::from_secs(10));
    ListenerOptions::new()
        .durable(name)
        .name(name)
        .pool(name)
        .retry(retry)
}

pub(super) fn log(listener: &str, event: &dyn Event) {
    let (id, attempt, trace) = (event.id(), event.attempt(), trace(event));
    info!(%id, attempt, trace = trace.trace(), "{listener} handled {}", event.topic());
}

pub(super) fn in_file(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

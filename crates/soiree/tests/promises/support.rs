//! What the tests share.

use std::time::Duration;

use soiree::{EventPool, Report};

/// Far more than any condition takes that is going to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Emits once on the pool and once on this thread; both have to come to the same.
pub(crate) fn both_ways(soiree: &EventPool, topic: &str, mut check: impl FnMut(Report)) {
    check(soiree.emit(topic, ()).unwrap().wait());
    check(soiree.emit_sync(topic, ()).unwrap());
}

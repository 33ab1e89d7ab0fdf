//! Listeners that take longer than their timeout.

mod outcome;
mod remaining_listeners;
mod retry;

use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Event, ListenerErrorKind, ListenerOptions, Priority};
use soiree_engine::{Emission, Report};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::{Blocker, CallLog, named};

const LIMIT: Duration = Duration::from_secs(30);

/// An event pool with this many workers, and a timer that the test advances.
fn on(workers: usize) -> (EventPool, ManualTimer) {
    let timer = ManualTimer::new();
    let pool = WorkerPool::new(workers, 16).unwrap();
    let builder = EventPool::builder().pool(pool).timer(timer.clone());
    (builder.build().unwrap(), timer)
}

fn limited() -> ListenerOptions {
    named("slow").timeout(LIMIT)
}

/// Emits, waits until the listener blocks, and lets its timeout pass.
fn expire(soiree: &EventPool, timer: &ManualTimer, blocker: &Blocker) -> Emission {
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    assert_eq!(timer.advance(LIMIT - Duration::from_nanos(1)), 0);
    assert!(!emission.is_finished());
    assert!(timer.advance(Duration::from_nanos(1)) >= 1);
    emission
}

fn record_on(soiree: &EventPool, log: &CallLog, line: &'static str, priority: Priority) {
    let log = log.clone();
    let record = move |_: &dyn Event| log.record(line);
    soiree.on_with("a.*", priority, record).unwrap();
}

/// A listener that blocks, between others that do not.
fn block_in_between(soiree: &EventPool, log: &CallLog) -> Blocker {
    record_on(soiree, log, "third", Priority::Low);
    record_on(soiree, log, "first", Priority::High);
    let blocker = Blocker::on(soiree, "a.b", limited());
    record_on(soiree, log, "second", Priority::Normal);
    blocker
}

fn check_timed_out(report: &Report) {
    assert_eq!((report.failed(), report.timed_out()), (1, 1), "{report:?}");
    let error = &report.errors()[0];
    assert_eq!(error.kind(), ListenerErrorKind::TimedOut);
    assert_eq!((error.name(), error.pattern()), (Some("slow"), "a.b"));
    let text = error.to_string();
    let is_complete = text.starts_with("listener slow on a.b ")
        && text.ends_with("had not returned after 30s for a.b");
    assert!(is_complete, "{text}");
}

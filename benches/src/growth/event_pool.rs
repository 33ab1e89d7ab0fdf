//! What is measured in every event pool.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use soiree::{EventPool, ListenerId};
use soiree_testkit::ManualPool;

use super::grown::{Grown, Operation, time};
use crate::listener::count_call;

/// How many listeners are subscribed before they are unsubscribed again.
const BATCH: u64 = 100;

/// An event pool whose jobs the emitting thread runs.
pub(super) fn on_manual_pool() -> (EventPool, Arc<ManualPool>) {
    let pool = Arc::new(ManualPool::new());
    (EventPool::with_pool(Arc::clone(&pool)), pool)
}

pub(super) fn listen(soiree: &EventPool, pattern: &str) -> ListenerId {
    let id = soiree.on(pattern, |_| count_call());
    id.expect("the pattern is valid")
}

pub(super) fn emit_sync(soiree: &EventPool, topic: &str, payload: u64) {
    let report = soiree.emit_sync(black_box(topic), payload);
    let delivered = report.map(|report| report.delivered());
    assert!(delivered.is_ok_and(|delivered| delivered > 0));
}

/// Emits through a pool, and runs the newest job there.
pub(super) fn emit(soiree: &EventPool, pool: &ManualPool, topic: &str, payload: u64) {
    let emission = soiree.emit(black_box(topic), payload);
    assert!(pool.run_newest(), "the emission is queued");
    let report = emission.expect("the event pool is open").wait();
    assert!(report.is_ok() && report.delivered() > 0);
}

/// `emit_sync` and `emit` on one topic.
pub(super) fn emits(soiree: &EventPool, pool: &Arc<ManualPool>, topic: &str) -> Vec<Operation> {
    let (sync, pooled) = (soiree.clone(), soiree.clone());
    let (pool, topic) = (Arc::clone(pool), String::from(topic));
    let sync_topic = topic.clone();
    vec![
        Operation::each("emit_sync", move |payload| {
            emit_sync(&sync, &sync_topic, payload);
        }),
        Operation::each("emit", move |payload| emit(&pooled, &pool, &topic, payload)),
    ]
}

/// Subscribing one more listener to each of these patterns, and removing it again.
pub(super) fn subscribes(
    soiree: &EventPool,
    pattern: impl Fn(u64) -> String + Copy + 'static,
) -> Vec<Operation> {
    let change = |pick: fn((Duration, Duration)) -> Duration| {
        let (soiree, mut next) = (soiree.clone(), 0);
        move |ops: u64| {
            let mut took = Duration::ZERO;
            let mut left = ops;
            while left > 0 {
                let batch = left.min(BATCH);
                left -= batch;
                let patterns: Vec<String> = (next..next + batch).map(pattern).collect();
                next += batch;
                took += pick(subscribe_and_unsubscribe(&soiree, &patterns));
            }
            took
        }
    };
    vec![
        Operation::new("subscribe", change(|(subscribing, _)| subscribing)),
        Operation::new("unsubscribe", change(|(_, unsubscribing)| unsubscribing)),
    ]
}

fn subscribe_and_unsubscribe(soiree: &EventPool, patterns: &[String]) -> (Duration, Duration) {
    let before = soiree.len();
    let started = Instant::now();
    let ids = patterns
        .iter()
        .map(|pattern| listen(soiree, black_box(pattern)));
    let ids: Vec<ListenerId> = ids.collect();
    let subscribing = started.elapsed();
    assert_eq!(soiree.len(), before + ids.len());
    let unsubscribing = time(|| {
        for (pattern, id) in patterns.iter().zip(&ids) {
            let removed = soiree.off(black_box(pattern), id);
            removed.expect("the listener is subscribed");
        }
    });
    (subscribing, unsubscribing)
}

/// A pattern that no other operation uses.
pub(super) fn guest(number: u64) -> String {
    format!("guest.{number}.user.*")
}

pub(super) fn grown(soiree: EventPool, operations: Vec<Operation>) -> Grown {
    Grown {
        operations,
        close: Box::new(move || time(|| soiree.close().expect("nothing runs"))),
    }
}

/// Topics that are emitted in turn, without keeping them.
pub(super) struct Topics {
    text: String,
    next: u64,
    count: u64,
}

impl Topics {
    pub(super) fn new(count: u64) -> Self {
        let text = String::new();
        Self {
            text,
            next: 0,
            count,
        }
    }

    pub(super) fn next(&mut self) -> &str {
        self.text.clear();
        write!(self.text, "account.{}.user.created", self.next).expect("a string grows");
        self.next = (self.next + 1) % self.count;
        &self.text
    }
}

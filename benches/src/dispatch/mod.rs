//! Calls the listeners of one topic on the caller's thread.

#[cfg(feature = "peers")]
mod peers;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use soiree::engine::IntoListenerResult;
use soiree::{Event, EventPool};

use crate::case::Case;
use crate::emit_loop::{EmitLoop, emit_from_threads};
use crate::listener::{
    BoxError, PlainEvent, PlainListener, TOPIC, count_call, counting_listener, reading_listener,
};

const LISTENERS: [u64; 3] = [1, 10, 100];
const THREADS: [u64; 2] = [1, 2];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for listeners in LISTENERS {
        let workload = format!("sync-{listeners}");
        cases.push(Case::new(&workload, "soiree", move || {
            EmitLoop::new(listeners, soiree(listeners))
        }));
        cases.push(Case::new(&workload, "RwLock loop", move || {
            EmitLoop::new(listeners, rwlock_loop(listeners, counting_listener))
        }));
        #[cfg(feature = "peers")]
        cases.extend(peers::cases(&workload, listeners));
    }
    for listeners in LISTENERS {
        let workload = format!("sync-read-{listeners}");
        cases.push(Case::new(&workload, "soiree", move || {
            EmitLoop::new(listeners, soiree_reading(listeners))
        }));
        cases.push(Case::new(&workload, "RwLock loop", move || {
            EmitLoop::new(listeners, rwlock_loop(listeners, reading_listener))
        }));
        #[cfg(feature = "peers")]
        cases.push(peers::reading(&workload, listeners));
    }
    for threads in THREADS {
        let workload = format!("sync-threads-{threads}");
        let make = move || emit_from_threads(threads, soiree(1));
        cases.push(Case::new(&workload, "soiree", make).threaded());
        let make = move || emit_from_threads(threads, rwlock_loop(1, counting_listener));
        cases.push(Case::new(&workload, "RwLock loop", make).threaded());
        #[cfg(feature = "peers")]
        cases.extend(peers::threaded(&workload, threads));
    }
    cases
}

fn soiree(listeners: u64) -> impl Fn(u64) + Sync {
    soiree_with(listeners, |_| count_call())
}

/// The listeners read the payload.
fn soiree_reading(listeners: u64) -> impl Fn(u64) + Sync {
    soiree_with(listeners, |event| {
        let read = event.with_payload(|payload: &u64| black_box(*payload));
        count_call();
        read.map(drop).ok_or("the payload is no u64")
    })
}

fn soiree_with<R: IntoListenerResult + 'static>(
    listeners: u64,
    listener: impl Fn(&dyn Event) -> R + Copy + Send + Sync + 'static,
) -> impl Fn(u64) + Sync {
    let soiree = EventPool::new();
    for _ in 0..listeners {
        soiree.on(TOPIC, listener).expect("the topic is valid");
    }
    move |payload| {
        let report = soiree.emit_sync(black_box(TOPIC), payload);
        assert!(
            report.is_ok_and(|report| report.is_ok()),
            "a listener failed"
        );
    }
}

/// The minimal implementation: a map from topics to listeners behind a lock, and a loop over the listeners.
#[derive(Default)]
struct RwLockLoop {
    topics: RwLock<HashMap<String, Vec<PlainListener>>>,
}

impl RwLockLoop {
    fn emit(&self, topic: &str, payload: u64) -> Vec<BoxError> {
        let event = PlainEvent {
            topic,
            payload: &payload,
        };
        let mut errors = Vec::new();
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        for listener in topics.get(topic).into_iter().flatten() {
            if let Err(error) = listener(&event) {
                errors.push(error);
            }
        }
        errors
    }
}

fn rwlock_loop(listeners: u64, listener: fn() -> PlainListener) -> impl Fn(u64) + Sync {
    let registry = RwLockLoop::default();
    registry
        .topics
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(TOPIC.into(), (0..listeners).map(|_| listener()).collect());
    move |payload| {
        assert!(
            registry.emit(black_box(TOPIC), payload).is_empty(),
            "a listener failed"
        )
    }
}

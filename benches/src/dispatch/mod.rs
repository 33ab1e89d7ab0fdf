//! Calling the listeners of one topic on the caller's thread.

#[cfg(feature = "peers")]
mod peers;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use soiree::{Event, EventPool, IntoListenerResult};

use crate::case::Case;
use crate::listening::{
    BareEvent, BareListener, BoxError, TOPIC, bare_listener, called, calls, reading_listener,
};
use crate::meter::{Bench, Sample, measure, measure_threads};

const LISTENERS: [u64; 3] = [1, 10, 100];
const THREADS: [u64; 2] = [1, 2];

/// Emits, and makes sure that every listener was called.
pub(crate) struct Calls<F> {
    emit: F,
    listeners: u64,
}

impl<F> Calls<F> {
    pub(crate) fn new(listeners: u64, emit: F) -> Self {
        Self { emit, listeners }
    }
}

impl<F: FnMut(u64)> Bench for Calls<F> {
    fn run(&mut self, ops: u64) -> Sample {
        let before = calls();
        let sample = measure(ops, || (0..ops).for_each(&mut self.emit));
        assert_eq!(
            calls() - before,
            ops * self.listeners,
            "not all were called"
        );
        sample
    }
}

/// Emits from several threads on the same topic, which has one listener.
fn from_threads(threads: u64, emit: impl Fn(u64) + Sync) -> impl Bench {
    move |ops: u64| {
        measure_threads(threads, ops, |ops| {
            (0..ops).for_each(&emit);
            assert_eq!(calls(), ops, "not all were called");
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for listeners in LISTENERS {
        let workload = format!("sync-{listeners}");
        cases.push(Case::new(&workload, "soiree", move || {
            Calls::new(listeners, soiree(listeners))
        }));
        cases.push(Case::new(&workload, "RwLock loop", move || {
            Calls::new(listeners, bare(listeners, bare_listener))
        }));
        #[cfg(feature = "peers")]
        cases.extend(peers::cases(&workload, listeners));
    }
    for listeners in LISTENERS {
        let workload = format!("sync-read-{listeners}");
        cases.push(Case::new(&workload, "soiree", move || {
            Calls::new(listeners, soiree_read(listeners))
        }));
        cases.push(Case::new(&workload, "RwLock loop", move || {
            Calls::new(listeners, bare(listeners, reading_listener))
        }));
        #[cfg(feature = "peers")]
        cases.push(peers::reading(&workload, listeners));
    }
    for threads in THREADS {
        let workload = format!("sync-threads-{threads}");
        let make = move || from_threads(threads, soiree(1));
        cases.push(Case::new(&workload, "soiree", make).threaded());
        let make = move || from_threads(threads, bare(1, bare_listener));
        cases.push(Case::new(&workload, "RwLock loop", make).threaded());
        #[cfg(feature = "peers")]
        cases.extend(peers::threaded(&workload, threads));
    }
    cases
}

fn soiree(listeners: u64) -> impl Fn(u64) + Sync {
    emitting(listeners, |_| called())
}

/// With listeners that look at the payload.
fn soiree_read(listeners: u64) -> impl Fn(u64) + Sync {
    emitting(listeners, |event| {
        let read = event.with_payload(|payload: &u64| black_box(*payload));
        called();
        read.map(drop).ok_or("it is a number")
    })
}

fn emitting<R: IntoListenerResult + 'static>(
    listeners: u64,
    listener: impl Fn(&dyn Event) -> R + Copy + Send + Sync + 'static,
) -> impl Fn(u64) + Sync {
    let soiree = EventPool::new();
    for _ in 0..listeners {
        soiree.on(TOPIC, listener).expect("the topic is sound");
    }
    move |payload| {
        let report = soiree.emit_sync(black_box(TOPIC), payload);
        assert!(
            report.is_ok_and(|report| report.is_ok()),
            "a listener failed"
        );
    }
}

/// The least that can be done: a map from topics to listeners behind a lock.
#[derive(Default)]
struct Bare {
    topics: RwLock<HashMap<String, Vec<BareListener>>>,
}

impl Bare {
    fn emit(&self, topic: &str, payload: u64) -> Vec<BoxError> {
        let event = BareEvent {
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

fn bare(listeners: u64, listener: fn() -> BareListener) -> impl Fn(u64) + Sync {
    let bare = Bare::default();
    bare.topics
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(TOPIC.into(), (0..listeners).map(|_| listener()).collect());
    move |payload| {
        assert!(
            bare.emit(black_box(TOPIC), payload).is_empty(),
            "a listener failed"
        )
    }
}

//! Listeners with a limit of calls at once.

mod async_listeners;
mod calls;
mod closing;
mod helping;
mod keys;
mod mutable;
mod random;
mod retries;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::{Emission, Report};

use crate::support::{Blocker, TIME_LIMIT, wait_until, worker_pool};

fn limit(calls: usize) -> ListenerOptions {
    ListenerOptions::new().max_concurrent(calls)
}

/// An event pool with so many workers. No more than 3 calls may wait.
fn with_workers(workers: usize) -> EventPool {
    let builder = EventPool::builder().pool(worker_pool("default", workers, 64));
    builder.waiting_capacity(3).build().unwrap()
}

#[track_caller]
fn wait(emission: &Emission) -> Report {
    let report = emission.wait_timeout(TIME_LIMIT);
    report.expect("the emission ends")
}

fn emit(soiree: &EventPool, topic: &str, count: usize) -> Vec<Emission> {
    let emissions = (0..count).map(|_| soiree.emit(topic, ()).unwrap());
    emissions.collect()
}

/// Waits until so many calls wait for their turn.
fn wait_for_waiting(soiree: &EventPool, calls: usize) {
    wait_until("the calls wait for their turn", || {
        soiree.stats().waiting.turn == calls
    });
}

/// Emits an event whose call has the only turn, and blocks.
fn occupy(soiree: &EventPool, topic: &str, blocker: &Blocker) -> Emission {
    let emission = soiree.emit(topic, ()).unwrap();
    blocker.wait_started();
    emission
}

#[track_caller]
fn assert_at_rest(soiree: &EventPool) {
    wait_until("everything has ended", || {
        let stats = soiree.stats();
        stats.in_flight == 0 && stats.active == 0
    });
    let stats = soiree.stats();
    assert_eq!((stats.waiting.total(), stats.waiting_calls), (0, 0));
}

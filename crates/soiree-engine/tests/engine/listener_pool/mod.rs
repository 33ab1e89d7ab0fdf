//! Listeners with their own pool.

mod abort;
mod calls;
mod not_called;
mod required;
mod when_full;

use soiree::EventPool;
use soiree_core::ListenerOptions;

use crate::support::worker_pool;

/// An event pool with one worker, and the bulkhead `http`.
fn with_http(workers: usize, capacity: usize) -> EventPool {
    EventPool::builder()
        .pool(worker_pool("rest", 1, 16))
        .bulkhead("http", worker_pool("http", workers, capacity))
        .build()
        .unwrap()
}

fn on_http() -> ListenerOptions {
    ListenerOptions::new().pool("http")
}

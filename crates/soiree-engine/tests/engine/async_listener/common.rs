//! Helpers of the tests.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use soiree::EventPool;
use soiree_core::{ListenerOptions, PoolStats};
use soiree_pool::WorkerPool;
use soiree_tokio::TaskPool;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::support::{CallLog, TIME_LIMIT, wait_until};

pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

/// An `EventPool` with a default pool of two workers, and the bulkhead `async`.
pub(crate) fn with_async(runtime: &Runtime, in_flight: usize, capacity: usize) -> EventPool {
    let tasks = TaskPool::new(runtime.handle().clone(), in_flight, capacity).unwrap();
    EventPool::builder()
        .pool(WorkerPool::new(2, 64).unwrap())
        .bulkhead("async", tasks)
        .build()
        .unwrap()
}

/// The figures of the bulkhead `async`.
pub(crate) fn async_stats(soiree: &EventPool) -> PoolStats {
    let stats = *soiree.stats().get("async").unwrap();
    assert!(stats.is_balanced(), "{stats:?}");
    stats
}

/// Waits until no future of the bulkhead `async` is in flight or waits to start.
pub(crate) fn wait_idle(soiree: &EventPool) -> PoolStats {
    wait_until("the bulkhead is idle", || {
        let stats = async_stats(soiree);
        stats.active + stats.waiting == 0
    });
    async_stats(soiree)
}

/// Async listeners that report their start, and then each wait for a permit to end.
pub(crate) struct HeldListeners {
    pub(crate) started: Receiver<()>,
    pub(crate) permits: Arc<Semaphore>,
}

impl HeldListeners {
    pub(crate) fn on(soiree: &EventPool, topic: &str) -> Self {
        Self::on_with(soiree, topic, ListenerOptions::new())
    }

    pub(crate) fn on_with(soiree: &EventPool, topic: &str, options: ListenerOptions) -> Self {
        let (sender, started) = channel();
        let permits = Arc::new(Semaphore::new(0));
        let listener_permits = Arc::clone(&permits);
        soiree
            .on_async_with(topic, options, move |_| {
                let (sender, permits) = (sender.clone(), Arc::clone(&listener_permits));
                async move {
                    let _ = sender.send(());
                    permits.acquire().await.unwrap().forget();
                }
            })
            .unwrap();
        Self { started, permits }
    }

    /// Waits until one more listener has started.
    pub(crate) fn wait_started(&self) {
        self.started.recv_timeout(TIME_LIMIT).unwrap();
    }

    /// Lets so many listeners end.
    pub(crate) fn finish(&self, listeners: usize) {
        self.permits.add_permits(listeners);
    }
}

/// Subscribes an async listener that records its name as it starts.
pub(crate) fn record_on(
    log: &CallLog,
    soiree: &EventPool,
    topic: &str,
    name: &str,
    options: ListenerOptions,
) {
    let (log, name) = (log.clone(), name.to_owned());
    soiree
        .on_async_with(topic, options, move |_| {
            log.record(&name);
            async { tokio::task::yield_now().await }
        })
        .unwrap();
}

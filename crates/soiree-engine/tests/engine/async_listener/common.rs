//! What the tests share.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerOptions, PoolStats};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_tokio::TaskPool;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

/// Far more than any condition takes that is going to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

/// With a default pool of two workers, and the bulkhead `async`.
pub(crate) fn with_async(runtime: &Runtime, in_flight: usize, capacity: usize) -> EventPool {
    let tasks = TaskPool::new(runtime.handle().clone(), in_flight, capacity).unwrap();
    EventPool::builder()
        .pool(WorkerPool::new(2, 64).unwrap())
        .bulkhead("async", tasks)
        .build()
        .unwrap()
}

pub(crate) fn figures(soiree: &EventPool) -> PoolStats {
    let stats = *soiree.stats().get("async").unwrap();
    assert!(stats.is_balanced(), "{stats:?}");
    stats
}

/// Waits until nothing is in flight and nothing waits to be.
pub(crate) fn at_rest(soiree: &EventPool) -> PoolStats {
    until("the bulkhead is at rest", || {
        let stats = figures(soiree);
        stats.active + stats.waiting == 0
    });
    figures(soiree)
}

/// Async listeners that say that they have started, and then wait for a permit each.
pub(crate) struct Held {
    pub(crate) started: Receiver<()>,
    pub(crate) permits: Arc<Semaphore>,
}

impl Held {
    pub(crate) fn on(soiree: &EventPool, topic: &str) -> Self {
        Self::on_with(soiree, topic, ListenerOptions::new())
    }

    pub(crate) fn on_with(soiree: &EventPool, topic: &str, options: ListenerOptions) -> Self {
        let (said, started) = channel();
        let permits = Arc::new(Semaphore::new(0));
        let wanted = Arc::clone(&permits);
        soiree
            .on_async_with(topic, options, move |_| {
                let (said, wanted) = (said.clone(), Arc::clone(&wanted));
                async move {
                    let _ = said.send(());
                    wanted.acquire().await.unwrap().forget();
                }
            })
            .unwrap();
        Self { started, permits }
    }

    pub(crate) fn has_started(&self) {
        self.started.recv_timeout(PATIENCE).unwrap();
    }

    pub(crate) fn let_go(&self, listeners: usize) {
        self.permits.add_permits(listeners);
    }
}

/// Collects what listeners say, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Subscribes an async listener that notes its name as it starts.
    pub(crate) fn on(&self, soiree: &EventPool, topic: &str, name: &str, options: ListenerOptions) {
        let (diary, name) = (self.clone(), name.to_owned());
        soiree
            .on_async_with(topic, options, move |_| {
                diary.note(&name);
                async { tokio::task::yield_now().await }
            })
            .unwrap();
    }
}

/// Emits once on the pool and once on this thread; both have to come to the same.
pub(crate) fn both_ways(soiree: &EventPool, topic: &str, mut check: impl FnMut(Report)) {
    check(soiree.emit(topic, ()).unwrap().wait());
    check(soiree.emit_sync(topic, ()).unwrap());
}

//! What the tests share.

use std::any::Any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_engine::Report;
use soiree_pool::WorkerPool;

/// Far more than any condition takes that is going to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type BoxResult = Result<(), Box<dyn std::error::Error>>;

/// Waits until the condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// On one worker, with so many places to wait.
pub(crate) fn on_one_worker(capacity: usize) -> EventPool {
    EventPool::with_pool(WorkerPool::new(1, capacity).unwrap())
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
}

/// Holds the listeners of `hold` until it is let go.
pub(crate) struct Hold {
    running: Receiver<()>,
    go: Sender<()>,
}

impl Hold {
    /// Emits `hold` and waits until its listener holds the worker.
    pub(crate) fn worker_of(soiree: &EventPool) -> Self {
        Self::listener_of(soiree, "hold", ())
    }

    /// Emits `topic` and waits until its listener holds whatever such an event holds.
    pub(crate) fn listener_of<T: Any + Send + Sync>(
        soiree: &EventPool,
        topic: &str,
        payload: T,
    ) -> Self {
        let (said, running) = channel();
        let (go, told) = channel();
        let told = Mutex::new(told);
        let id = soiree
            .on(topic, move |_| {
                said.send(()).unwrap();
                let _ = told.lock().unwrap().recv();
            })
            .unwrap();
        soiree.emit(topic, payload).unwrap();
        running.recv_timeout(PATIENCE).unwrap();
        soiree.off(topic, &id).unwrap();
        Self { running, go }
    }

    pub(crate) fn let_go(self) {
        let _ = self.go.send(());
        drop(self.running);
    }
}

/// Emits once on the pool and once on this thread; both have to come to the same.
pub(crate) fn both_ways(soiree: &EventPool, topic: &str, mut check: impl FnMut(Report)) {
    check(soiree.emit(topic, ()).unwrap().wait());
    check(soiree.emit_sync(topic, ()).unwrap());
}

//! What the tests share.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::Report;
use soiree_pool::WorkerPool;

/// Far longer than any condition needs to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// Waits until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        thread::yield_now();
    }
}

pub(crate) fn worker_pool(name: &str, workers: usize, capacity: usize) -> WorkerPool {
    let builder = WorkerPool::builder().name(name).max_workers(workers);
    builder.capacity(capacity).build().unwrap()
}

/// An event pool with one worker, and a queue of this capacity.
pub(crate) fn on_one_worker(capacity: usize) -> EventPool {
    EventPool::with_pool(WorkerPool::new(1, capacity).unwrap())
}

pub(crate) fn named(name: &str) -> ListenerOptions {
    ListenerOptions::new().name(name)
}

pub(crate) fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Emits once on the pool and once on this thread; both reports have to pass the check.
pub(crate) fn emit_both_ways(soiree: &EventPool, topic: &str, mut check: impl FnMut(Report)) {
    check(soiree.emit(topic, ()).unwrap().wait());
    check(soiree.emit_sync(topic, ()).unwrap());
}

/// Collects lines that listeners and handlers write, in order.
#[derive(Clone, Default)]
pub(crate) struct CallLog(Arc<Mutex<Vec<String>>>);

impl CallLog {
    pub(crate) fn record(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// Takes the lines written since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Blocks listeners until it releases them.
///
/// If it is dropped, it blocks none any longer.
pub(crate) struct Blocker {
    started: Receiver<()>,
    release: Sender<()>,
}

impl Blocker {
    /// A blocker, and the function that a listener calls to be blocked.
    pub(crate) fn new() -> (impl Fn() + Send + Sync + 'static, Self) {
        let (starts, started) = channel();
        let (release, released) = channel();
        let released = Mutex::new(released);
        let block = move || {
            let _ = starts.send(());
            let _ = released.lock().unwrap().recv();
        };
        (block, Self { started, release })
    }

    /// Subscribes a listener that does nothing but block.
    #[track_caller]
    pub(crate) fn on(soiree: &EventPool, pattern: &str, options: ListenerOptions) -> Self {
        let (block, blocker) = Self::new();
        soiree.on_with(pattern, options, move |_| block()).unwrap();
        blocker
    }

    /// Emits an event, and waits until its only listener blocks.
    pub(crate) fn emit<T: Any + Send + Sync>(soiree: &EventPool, topic: &str, payload: T) -> Self {
        let (block, blocker) = Self::new();
        let id = soiree.on(topic, move |_| block()).unwrap();
        soiree.emit(topic, payload).unwrap();
        blocker.wait_started();
        soiree.off(topic, &id).unwrap();
        blocker
    }

    /// Blocks the only worker.
    pub(crate) fn worker(soiree: &EventPool) -> Self {
        Self::emit(soiree, "block", ())
    }

    /// Waits until one more call has started.
    pub(crate) fn wait_started(&self) {
        self.started.recv_timeout(PATIENCE).unwrap();
    }

    /// Releases one call, the earliest first.
    pub(crate) fn release(&self) {
        self.release.send(()).unwrap();
    }
}

/// A waker that counts how often it is called.
pub(crate) struct CountWakes(pub(crate) AtomicU64);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

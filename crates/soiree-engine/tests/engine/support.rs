//! What the tests share.

use std::any::Any;
use std::cell::Cell;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Wake;
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    DrainTimeout, Job, JobOutcome, ListenerOptions, Pool, PoolStats, SubmitError, WorkerCheck,
};
use soiree_engine::Report;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

/// Far longer than any condition needs to come true.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Waits until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
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

/// Runs `print` in another process, as tests capture what they print. Returns the lines on stderr that soiree has printed, and `None` in
/// that process. `test` is the path of the test that calls this.
pub(crate) fn printed_lines(test: &str, print: impl FnOnce()) -> Option<Vec<String>> {
    const CHILD: &str = "SOIREE_TEST_PRINTS";
    if std::env::var_os(CHILD).is_some() {
        print();
        return None;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stderr).unwrap();
    let lines = printed.lines().filter(|line| line.starts_with("soiree: "));
    Some(lines.map(str::to_owned).collect())
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
    shared: Arc<BlockerShared>,
    /// How many calls the test has waited for.
    seen: Cell<usize>,
}

#[derive(Default)]
struct BlockerShared {
    calls: Mutex<BlockedCalls>,
    changed: Condvar,
}

/// Calls are numbered in the order in which they start; the first `released` of them may go on.
#[derive(Default)]
struct BlockedCalls {
    started: usize,
    released: usize,
}

impl BlockerShared {
    /// Waits until `holds`, no longer than `limit`.
    fn wait<'a>(
        &self,
        calls: MutexGuard<'a, BlockedCalls>,
        limit: Duration,
        holds: impl Fn(&BlockedCalls) -> bool,
    ) -> MutexGuard<'a, BlockedCalls> {
        let waited = self
            .changed
            .wait_timeout_while(calls, limit, |calls| !holds(calls));
        let (calls, timeout) = waited.unwrap();
        if timeout.timed_out() {
            // Not poisoned, as the drop of the blocker locks it again.
            drop(calls);
            panic!("waited longer than {limit:?}");
        }
        calls
    }

    fn block(&self) {
        let mut calls = self.calls.lock().unwrap();
        let number = calls.started;
        calls.started += 1;
        self.changed.notify_all();
        // A test that fails before it releases a call must not hang.
        drop(self.wait(calls, 10 * TIME_LIMIT, |calls| calls.released > number));
    }

    fn release(&self, calls: usize) {
        let mut blocked = self.calls.lock().unwrap();
        blocked.released = blocked.released.saturating_add(calls);
        self.changed.notify_all();
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        self.shared.release(usize::MAX);
    }
}

impl Blocker {
    /// A blocker, and the function that a listener calls to be blocked.
    pub(crate) fn new() -> (impl Fn() + Send + Sync + 'static, Self) {
        let shared = Arc::<BlockerShared>::default();
        let blocker = Self {
            shared: Arc::clone(&shared),
            seen: Cell::new(0),
        };
        (move || shared.block(), blocker)
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
        let seen = self.seen.get();
        let calls = self.shared.calls.lock().unwrap();
        drop(
            self.shared
                .wait(calls, TIME_LIMIT, |calls| calls.started > seen),
        );
        self.seen.set(seen + 1);
    }

    /// Releases one call, the earliest first.
    pub(crate) fn release(&self) {
        self.shared.release(1);
    }
}

/// A waker that counts how often it is called.
pub(crate) struct CountWakes(pub(crate) AtomicU64);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pool that cannot take work back: it has only what every pool must have.
pub(crate) struct PlainPool(pub(crate) ManualPool);

impl Pool for PlainPool {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.try_submit(job)
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.0.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    fn on_worker(&self) -> bool {
        self.0.on_worker()
    }

    fn worker_check(&self) -> Option<WorkerCheck> {
        self.0.worker_check()
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.0.run_inline(job)
    }
}

//! What hostile values act on, and what is counted.

use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree::observe::{
    EmissionEnded, EmissionRejected, EmissionStarted, ListenerEnd, ListenerEnded, Observer,
    RetryScheduled,
};
use soiree::{Emission, EmitError, EventPool, KeyOrder, Report, WeakEventPool, WorkerPool};

use crate::case::Action;

/// Far longer than any step takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What the values of one case share.
pub(crate) struct Surroundings {
    action: Action,
    pub(crate) soiree: OnceLock<WeakEventPool>,
    other: OnceLock<EventPool>,
    pub(crate) accepted: Mutex<Vec<Accepted>>,
    pub(crate) made: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
    pub(crate) failures: Mutex<Vec<String>>,
    pub(crate) counts: Counts,
    pub(crate) gate: Gate,
}

/// An accepted emission.
pub(crate) enum Accepted {
    Emission(Emission),
    Future(Pin<Box<dyn Future<Output = Report> + Send>>),
}

impl Surroundings {
    pub(crate) fn new(action: Action) -> Arc<Self> {
        Arc::new(Self {
            action,
            soiree: OnceLock::new(),
            other: OnceLock::new(),
            accepted: Mutex::default(),
            made: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            failures: Mutex::default(),
            counts: Counts::default(),
            gate: Gate::default(),
        })
    }

    pub(crate) fn fail(&self, what: impl Into<String>) {
        self.failures.lock().unwrap().push(what.into());
    }

    /// Keeps an emission if it is accepted. Returns whether it is.
    pub(crate) fn keep(&self, emit: impl FnOnce() -> Result<Emission, EmitError>) -> bool {
        let emitted = caught(|| emit().ok()).flatten();
        let is_accepted = emitted.is_some();
        let accepted = emitted.map(Accepted::Emission);
        self.accepted.lock().unwrap().extend(accepted);
        is_accepted
    }

    /// What a hostile value does.
    pub(crate) fn act(&self) {
        let soiree = || self.soiree.get().and_then(WeakEventPool::upgrade);
        match self.action {
            Action::Panics => panic!("hostile"),
            Action::Waits => self.wait_for_another(),
            Action::Emits => {
                if let Some(soiree) = soiree() {
                    self.keep(|| soiree.emit("inner", ()));
                }
            }
            Action::Subscribes => {
                if let Some(soiree) = soiree() {
                    if let Ok(id) = soiree.on("a", |_| ()) {
                        let _ = soiree.off("a", &id);
                    }
                }
            }
            Action::Closes => {
                if let Some(soiree) = soiree() {
                    let soon = Instant::now() + Duration::from_millis(5);
                    let _ = soiree.close_with_deadline(soon);
                }
            }
            Action::Sets => {
                if let Some(soiree) = soiree() {
                    soiree.set_error_buffer(3);
                    soiree.set_unheard_event_handler(|_| ());
                    let _ = soiree.add_order("never", KeyOrder::by(|_| Some(1)));
                }
            }
        }
    }

    /// Waits for an event of another event pool, behind another one of its key.
    fn wait_for_another(&self) {
        let other = self.other.get_or_init(|| {
            let pool = WorkerPool::new(1, 1000).unwrap();
            let other = EventPool::with_pool(pool);
            other.add_order("b", KeyOrder::by(|_| Some(1))).unwrap();
            other
        });
        let emissions = [(); 2].map(|()| other.emit("b", ()).unwrap());
        for emission in emissions {
            if emission.wait_timeout(LIMIT).is_none() {
                self.fail("an event of another event pool was not handled");
            }
        }
    }

    /// The reports of all accepted emissions, `None` for those that do not end.
    pub(crate) fn reports(&self) -> Vec<Option<Report>> {
        let mut reports = Vec::new();
        loop {
            let accepted = std::mem::take(&mut *self.accepted.lock().unwrap());
            if accepted.is_empty() {
                return reports;
            }
            reports.extend(accepted.into_iter().map(Accepted::report));
        }
    }

    /// Waits until the condition holds. Returns whether it does.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + LIMIT;
        while !holds() {
            if Instant::now() > deadline {
                self.fail(format!("timed out before {what}"));
                return false;
            }
            thread::yield_now();
        }
        true
    }
}

impl Accepted {
    pub(crate) fn future(emission: Emission, waker: &Waker) -> Self {
        let mut future = Box::pin(emission.into_future());
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Pending => Self::Future(future),
            Poll::Ready(report) => Self::Future(Box::pin(std::future::ready(report))),
        }
    }

    fn report(self) -> Option<Report> {
        let mut future = match self {
            Self::Emission(emission) => return emission.wait_timeout(LIMIT),
            Self::Future(future) => future,
        };
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Poll::Ready(report) = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                return Some(report);
            }
            thread::yield_now();
        }
        None
    }
}

/// Calls the event pool on behalf of a user, whose own code may panic in there.
pub(crate) fn caught<R>(call: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // It may be hostile too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            None
        }
    }
}

/// What observers are notified of.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) started: AtomicUsize,
    pub(crate) rejected: AtomicUsize,
    pub(crate) ended: AtomicUsize,
    pub(crate) timed_out: AtomicUsize,
    pub(crate) retries: AtomicUsize,
}

/// Counts, and does nothing hostile.
pub(crate) struct Counting(pub(crate) Arc<Surroundings>);

impl Observer for Counting {
    fn emission_started(&self, _: &EmissionStarted<'_>) {
        self.0.counts.started.fetch_add(1, Ordering::SeqCst);
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        // One that has not started is rejected too, as the event pool is closed.
        if !matches!(rejected.reason, soiree::observe::Rejection::Closed) {
            self.0.counts.rejected.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn emission_ended(&self, _: &EmissionEnded<'_>) {
        self.0.counts.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        if let ListenerEnd::TimedOut(_) = ended.outcome {
            self.0.counts.timed_out.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn retry_scheduled(&self, _: &RetryScheduled<'_>) {
        self.0.counts.retries.fetch_add(1, Ordering::SeqCst);
    }
}

/// Blocks listeners until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    started: AtomicUsize,
}

impl Gate {
    pub(crate) fn pass(&self) {
        self.started.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        let waited = self
            .opened
            .wait_timeout_while(is_open, 2 * LIMIT, |is_open| !*is_open);
        drop(waited.unwrap());
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.is_open.lock().unwrap()
    }

    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::SeqCst) > 0
    }
}

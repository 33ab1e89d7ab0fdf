//! User code on the timer's thread: what an emission drops there must not wait for what needs the timer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::{EventPool, WeakEventPool};
use soiree_core::{
    DrainTimeout, Job, ListenerOptions, Pool, PoolStats, Retry, SubmitError, SubmitErrorReason,
};
use soiree_engine::{CloseError, KeyOrder};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::{Blocker, TIME_LIMIT, TestResult, named};

const SECOND: Duration = Duration::from_secs(1);

/// What user code saw as it was dropped.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    is_emit_rejected: bool,
    is_wait_unfinished: bool,
    closed: Result<(), CloseError>,
}

/// As it is dropped, emits to a pool that is full, waits for an emission, and closes its event pool.
struct Hostile(WeakEventPool, Mutex<Sender<Seen>>);

impl Hostile {
    fn new(soiree: &EventPool) -> (Self, Receiver<Seen>) {
        let (sender, seen) = channel();
        (Self(soiree.downgrade(), Mutex::new(sender)), seen)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let soiree = self.0.upgrade().unwrap();
        let retried = soiree.emit("hourly", ()).unwrap();
        let _ = self.1.lock().unwrap().send(Seen {
            is_emit_rejected: soiree.emit("full", ()).is_err(),
            is_wait_unfinished: retried.wait().is_unfinished(),
            closed: soiree.close(),
        });
    }
}

/// A pool that runs its jobs on the submitting thread, until it is full or closed.
#[derive(Clone, Default)]
struct OnCaller(Arc<Mutex<Option<Refusal>>>);

#[derive(Clone, Copy)]
enum Refusal {
    Full,
    Closed,
}

impl OnCaller {
    fn refuse(&self, refusal: Refusal) {
        *self.0.lock().unwrap() = Some(refusal);
    }
}

impl Pool for OnCaller {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let refusal = *self.0.lock().unwrap();
        let reason = match refusal {
            None => {
                drop(job.run());
                return Ok(());
            }
            Some(Refusal::Full) => SubmitErrorReason::Full { capacity: 0 },
            Some(Refusal::Closed) => SubmitErrorReason::Closed,
        };
        Err(SubmitError::new(job, reason))
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.submit(job)
    }

    fn stop(&self) {
        self.refuse(Refusal::Closed);
    }

    fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
        Ok(())
    }

    fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        stats.capacity = 8;
        stats
    }
}

/// An event pool whose bulkhead `full` is full and blocks those that emit to it. Events on `hourly` end after a retry, in an hour.
fn surroundings(pool: &OnCaller, timer: &ManualTimer) -> TestResult<(EventPool, Blocker)> {
    let soiree = EventPool::builder()
        .pool(Arc::new(pool.clone()))
        .timer(timer.clone())
        .bulkhead("full", WorkerPool::new(1, 1)?)
        .bulkhead("other", OnCaller::default())
        .route("full", "full")
        .route("hourly", "other")
        .ordered("key", KeyOrder::by(|_| Some(1)))
        .build()?;
    let blocker = Blocker::on(&soiree, "full", named("held"));
    soiree.emit("full", ())?;
    blocker.wait_started();
    soiree.emit("full", ())?;
    let hourly = ListenerOptions::new().retry(Retry::fixed(3600 * SECOND, 2));
    soiree.on_with("hourly", hourly, |_| Err::<(), _>("no"))?;
    Ok((soiree, blocker))
}

/// Advances the timer, on a thread of its own: it would never return if user code waited on it.
fn advance_and_see(timer: &ManualTimer, seen: &Receiver<Seen>) -> TestResult {
    let timer = timer.clone();
    let advanced = thread::spawn(move || timer.advance(SECOND));
    let expected = Seen {
        is_emit_rejected: true,
        is_wait_unfinished: true,
        closed: Err(CloseError::InsideListener),
    };
    assert_eq!(seen.recv_timeout(TIME_LIMIT)?, expected);
    advanced.join().map_err(|_| "the timer goes on")?;
    Ok(())
}

/// E8, L7: the payload of an event whose retry was given up, because its pool was stopped.
#[test]
fn a_payload_never_waits_on_the_timer_after_a_retry() -> TestResult {
    let (pool, timer) = (OnCaller::default(), ManualTimer::new());
    let (soiree, _blocker) = surroundings(&pool, &timer)?;
    let retried = ListenerOptions::new().retry(Retry::fixed(SECOND, 2));
    soiree.on_with("retried", retried, |_| Err::<(), _>("no"))?;
    let (hostile, seen) = Hostile::new(&soiree);
    drop(soiree.emit("retried", hostile)?);
    pool.stop();
    advance_and_see(&timer, &seen)
}

/// E8, L8: the payload of an event whose pool was full when it became the first of its key, and was stopped then.
#[test]
fn a_payload_never_waits_on_the_timer_after_its_pool_was_full() -> TestResult {
    let (pool, timer) = (OnCaller::default(), ManualTimer::new());
    let (soiree, _blocker) = surroundings(&pool, &timer)?;
    let (hostile, seen) = Hostile::new(&soiree);
    let (weak, full) = (soiree.downgrade(), pool.clone());
    let hostile = Mutex::new(Some(hostile));
    soiree.on("key", move |_| {
        let hostile = hostile.lock().unwrap().take();
        drop(weak.upgrade().unwrap().emit("key", hostile).unwrap());
        full.refuse(Refusal::Full);
    })?;
    drop(soiree.emit("key", ())?);
    pool.stop();
    advance_and_see(&timer, &seen)
}

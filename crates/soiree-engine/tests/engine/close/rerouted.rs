//! E4, for emissions that were rerouted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{
    DrainTimeout, Job, JobOutcome, Pool, PoolStats, ResizeError, SubmitError, SubmitErrorReason,
};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;

use crate::support::{TIME_LIMIT, TestResult, worker_pool};

/// A pool that is closed, and whose bulkhead is removed while an emission is submitted to it.
struct ClosedMeanwhile(OnceLock<WeakEventPool>);

impl Pool for ClosedMeanwhile {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let soiree = self.0.get().and_then(WeakEventPool::upgrade);
        soiree.unwrap().drain_bulkhead("first").unwrap();
        Err(SubmitError::new(job, SubmitErrorReason::Closed))
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.submit(job)
    }

    fn stop(&self) {}

    fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
        Ok(())
    }

    fn stats(&self) -> PoolStats {
        PoolStats::default()
    }

    fn on_worker(&self) -> bool {
        false
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        Ok(job.run())
    }

    fn resize(&self, _: usize) -> Result<(), ResizeError> {
        Ok(())
    }
}

/// E4: a close on the only worker that can run a rerouted emission would wait for itself, also when that worker's bulkhead is removed.
#[test]
fn close_on_a_worker_that_a_rerouted_emission_waits_for_is_an_error() -> TestResult {
    let first = Arc::new(ClosedMeanwhile(OnceLock::new()));
    let second = Arc::new(worker_pool("second", 1, 4));
    let soiree = EventPool::builder()
        .bulkhead("first", Arc::clone(&first) as Arc<dyn Pool>)
        .bulkhead("second", Arc::clone(&second) as Arc<dyn Pool>)
        .route("t", "first")
        .route("*", "second")
        .build()?;
    let _ = first.0.set(soiree.downgrade());
    soiree.on("t", |_| {})?;
    let (go, may_close) = channel::<()>();
    let (closed, result) = channel();
    let inner = soiree.clone();
    second.submit(move || {
        may_close.recv().unwrap();
        let _ = closed.send(inner.close_with_deadline(Instant::now() + TIME_LIMIT));
    })?;
    let emission = soiree.emit("t", ())?;
    soiree.drain_bulkhead("second")?;
    go.send(())?;
    assert_eq!(result.recv()?, Err(CloseError::InsideListener));
    assert_eq!(emission.wait().delivered(), 1);
    soiree.close()?;
    second.release();
    Ok(())
}

/// A pool that closes the `EventPool` when it is asked whose worker the calling thread is.
struct Closing {
    inner: WorkerPool,
    soiree: OnceLock<WeakEventPool>,
    has_closed: AtomicBool,
}

impl Pool for Closing {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.inner.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        Pool::try_submit(&self.inner, job)
    }

    fn stop(&self) {
        self.inner.stop();
    }

    fn release_with_deadline(&self, deadline: Instant) -> Result<(), DrainTimeout> {
        self.inner.release_with_deadline(deadline)
    }

    fn stats(&self) -> PoolStats {
        self.inner.stats()
    }

    fn on_worker(&self) -> bool {
        if self.inner.on_worker() && !self.has_closed.swap(true, Ordering::SeqCst) {
            let soiree = self.soiree.get().and_then(WeakEventPool::upgrade);
            assert_eq!(soiree.unwrap().close(), Err(CloseError::InsideListener));
        }
        self.inner.on_worker()
    }

    fn run_inline(&self, job: Job) -> Result<JobOutcome, SubmitError> {
        self.inner.run_inline(job)
    }

    fn resize(&self, workers: usize) -> Result<(), ResizeError> {
        Pool::resize(&self.inner, workers)
    }
}

/// E4: a close holds no lock while it asks the pools that work was rerouted to.
#[test]
fn a_pool_may_close_while_a_close_asks_it_for_its_workers() -> TestResult {
    let first = Arc::new(ClosedMeanwhile(OnceLock::new()));
    let second = Arc::new(Closing {
        inner: worker_pool("second", 1, 4),
        soiree: OnceLock::new(),
        has_closed: AtomicBool::new(false),
    });
    let soiree = EventPool::builder()
        .bulkhead("first", Arc::clone(&first) as Arc<dyn Pool>)
        .bulkhead("second", Arc::clone(&second) as Arc<dyn Pool>)
        .route("t", "first")
        .route("*", "second")
        .build()?;
    let _ = first.0.set(soiree.downgrade());
    let _ = second.soiree.set(soiree.downgrade());
    soiree.on("t", |_| {})?;
    let (go, may_close) = channel::<()>();
    let (closed, result) = channel();
    let inner = soiree.clone();
    second.submit(Job::new(move || {
        may_close.recv().unwrap();
        let _ = closed.send(inner.close());
    }))?;
    let emission = soiree.emit("t", ())?;
    soiree.drain_bulkhead("second")?;
    go.send(())?;
    let result = result.recv_timeout(TIME_LIMIT)?;
    assert_eq!(result, Err(CloseError::InsideListener));
    assert!(second.has_closed.load(Ordering::SeqCst));
    assert_eq!(emission.wait().delivered(), 1);
    soiree.close()?;
    second.inner.release();
    Ok(())
}

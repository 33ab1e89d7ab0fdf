//! E4, for emissions that were rerouted.

use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{
    DrainTimeout, Job, JobOutcome, Pool, PoolStats, ResizeError, SubmitError, SubmitErrorReason,
};
use soiree_engine::CloseError;

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
    assert_eq!(emission.wait().delivered, 1);
    soiree.close()?;
    second.release();
    Ok(())
}

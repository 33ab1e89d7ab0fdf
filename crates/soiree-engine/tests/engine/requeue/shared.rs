//! Work that waits for a pool which runs jobs of others.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    DrainTimeout, Job, JobOutcome, ListenerOptions, Pool, PoolStats, Retry, SubmitError,
    SubmitErrorReason, WorkerCheck,
};
use soiree_testkit::{ManualPool, ManualTimer};

const DELAY: Duration = Duration::from_millis(1);

type Then = Box<dyn FnOnce() + Send>;

/// A pool that runs nothing inline, as one that polls futures. When it is asked for a place, it does this first, once.
#[derive(Clone)]
struct NothingInline(ManualPool, Arc<Mutex<Option<Then>>>);

impl Pool for NothingInline {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        self.0.submit(job)
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        let then = self.1.lock().unwrap().take();
        then.into_iter().for_each(|then| then());
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
        Err(SubmitError::new(job, SubmitErrorReason::WouldBlock))
    }
}

/// E7: work is submitted again by the timer, though the timer last looked for it when the worker whose job had ended offered it to the pool.
#[test]
fn work_that_a_worker_has_offered_in_vain_is_submitted_again() {
    let (timer, manual) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let pool = NothingInline(manual.clone(), Arc::default());
    let builder = EventPool::builder().pool(Arc::new(pool.clone()) as Arc<dyn Pool>);
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("failing", options, |event| {
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    let others = manual.clone();
    soiree
        .on("last", move |_| {
            others.try_submit(Job::new(|| ())).unwrap();
        })
        .unwrap();
    let failing = soiree.emit("failing", ()).unwrap();
    assert!(manual.run_next());
    soiree.emit("last", ()).unwrap();
    timer.advance(DELAY);
    assert_eq!(soiree.stats().waiting.place, 1);
    let meanwhile = timer.clone();
    *pool.1.lock().unwrap() = Some(Box::new(move || assert!(meanwhile.advance_to_next())));
    assert!(manual.run_next());
    assert!(pool.1.lock().unwrap().is_none());
    assert_eq!(soiree.stats().waiting.place, 1);
    // From now on, only others have jobs there.
    assert!(manual.run_next());
    assert!(timer.advance_to_next());
    assert!(manual.run_next());
    assert!(failing.is_finished());
    soiree.close().unwrap();
}

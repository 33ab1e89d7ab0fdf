//! User code that runs while the waiting events of a key are submitted one after another.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{DrainTimeout, Job, JobEnded, Observer, Pool, PoolStats, SubmitError};
use soiree_engine::{Emission, KeyOrder};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::support::{Blocker, TIME_LIMIT, TestResult, named};

/// Calls this as it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Orders all events: they have one key.
fn one_key_on(pool: Arc<dyn Pool>) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    let order = KeyOrder::by(|_| Some(1)).capacity(200_000);
    soiree.add_order("**", order).unwrap();
    soiree
}

fn is_discarded(emission: &Emission) -> bool {
    let report = emission.wait_timeout(TIME_LIMIT);
    report.expect("the emission ends").is_discarded()
}

/// E6, E8: events behind payloads that panic as they are dropped end too, by whatever they are dropped.
#[test]
fn payloads_that_panic_hold_up_no_event_of_their_key() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 100)?);
    let soiree = one_key_on(Arc::clone(&pool) as _);
    let blocker = Blocker::on(&soiree, "a", named("first"));
    soiree.emit("a", ())?;
    blocker.wait_started();
    for _ in 0..3 {
        soiree.emit("a", OnDrop(|| panic!("dropped")))?;
    }
    let last = soiree.emit("a", ())?;
    pool.stop();
    blocker.release();
    assert!(is_discarded(&last));
    assert_eq!(
        soiree.close_with_deadline(Instant::now() + TIME_LIMIT),
        Ok(())
    );
    Ok(())
}

/// E8: a payload runs and awaits events of another event pool as it is dropped. The later one waits behind the earlier one.
#[test]
fn a_payload_may_wait_for_another_event_pool_as_it_is_dropped() -> TestResult {
    let (pool, others) = (ManualPool::new(), ManualPool::new());
    let soiree = one_key_on(Arc::new(pool.clone()));
    let other = one_key_on(Arc::new(others.clone()));
    other.on("b", |_| ())?;
    let (sender, handled) = channel();
    let waits = move || {
        let emissions = [(); 3].map(|()| other.emit("b", ()).unwrap());
        others.run_all();
        let reports = emissions.map(|emission| emission.wait_timeout(TIME_LIMIT));
        sender
            .send(reports.map(|report| report.unwrap().delivered()))
            .unwrap();
    };
    soiree.emit("a", ())?;
    soiree.emit("a", OnDrop(waits))?;
    let last = soiree.emit("a", ())?;
    pool.stop();
    assert_eq!(handled.recv_timeout(TIME_LIMIT)?, [1, 1, 1]);
    assert!(is_discarded(&last));
    Ok(())
}

/// Waits for an emission that it gets later, and sends whether that was discarded.
#[derive(Clone)]
struct WaitsFor(Arc<OnceLock<Emission>>, Sender<bool>);

impl WaitsFor {
    fn wait(&self) {
        let last = self.0.get().expect("the emission is set");
        let _ = self.1.send(is_discarded(last));
    }
}

impl Wake for WaitsFor {
    fn wake(self: Arc<Self>) {
        self.wait();
    }
}

/// E8: a payload that is dropped, and a waker that is called, wait for the last event of their key.
#[test]
fn user_code_may_wait_for_the_events_behind_it() -> TestResult {
    for in_waker in [false, true] {
        let pool = ManualPool::new();
        let soiree = one_key_on(Arc::new(pool.clone()));
        let (sender, discarded) = channel();
        let waits = WaitsFor(Arc::default(), sender);
        soiree.emit("a", ())?;
        let (payload, on_drop) = (waits.clone(), !in_waker);
        let payload = OnDrop(move || {
            if on_drop {
                payload.wait();
            }
        });
        let mut waited_for = pin!(soiree.emit("a", payload)?.into_future());
        let waker = Waker::from(Arc::new(waits.clone()));
        if in_waker {
            let mut context = Context::from_waker(&waker);
            assert!(waited_for.as_mut().poll(&mut context).is_pending());
        } else {
            waited_for.set(soiree.emit("a", ())?.into_future());
        }
        soiree.emit("a", ())?;
        let last = soiree.emit("a", ())?;
        waits.0.set(last).map_err(|_| "it is set once")?;
        pool.stop();
        assert!(
            discarded.recv_timeout(TIME_LIMIT)?,
            "in a waker: {in_waker}"
        );
        assert_eq!(
            soiree.close_with_deadline(Instant::now() + TIME_LIMIT),
            Ok(())
        );
    }
    Ok(())
}

/// Waits for an emission whenever a job has ended, and keeps what it has seen.
#[derive(Clone, Default)]
struct WaitsAtEveryEnd(Arc<OnceLock<Emission>>, Arc<Mutex<Vec<bool>>>);

impl Observer for WaitsAtEveryEnd {
    fn job_ended(&self, _: &JobEnded<'_>) {
        let last = self.0.get().expect("the emission is set");
        let report = last.wait_timeout(TIME_LIMIT).expect("the emission ends");
        self.1.lock().unwrap().push(report.is_unfinished());
    }
}

/// Accepts all jobs. Keeps them until it drops its first ones, and drops the later ones at once.
#[derive(Clone, Default)]
struct DropsJobs(Arc<Mutex<Option<Vec<Job>>>>);

impl DropsJobs {
    fn kept() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    fn drop_all(&self) {
        let kept = self.0.lock().unwrap().take();
        drop(kept);
    }
}

impl Pool for DropsJobs {
    fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let mut kept = self.0.lock().unwrap();
        let dropped = match &mut *kept {
            Some(kept) => {
                kept.push(job);
                None
            }
            None => Some(job),
        };
        drop(kept);
        drop(dropped);
        Ok(())
    }

    fn try_submit(&self, job: Job) -> Result<(), SubmitError> {
        self.submit(job)
    }

    fn stop(&self) {}

    fn release_with_deadline(&self, _: Instant) -> Result<(), DrainTimeout> {
        Ok(())
    }

    fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        stats.capacity = 1;
        stats
    }
}

/// E8: an observer waits for the last event of a key whenever the job of an event before it was dropped. The stack does not overflow,
/// and each event ends: it is discarded, or run by the thread that waits.
#[test]
fn an_observer_may_wait_for_the_last_event_of_a_long_queue() -> TestResult {
    const MANY: usize = 100_000;
    let pool = DropsJobs::kept();
    let soiree = one_key_on(Arc::new(pool.clone()));
    let observer = WaitsAtEveryEnd::default();
    soiree.add_observer(observer.clone());
    let emit = |_| soiree.emit("a", ());
    let others = (1..MANY).map(emit).collect::<Result<Vec<_>, _>>()?;
    let last = soiree.emit("a", ())?;
    observer.0.set(last).map_err(|_| "it is set once")?;
    pool.drop_all();
    for emission in others.iter().chain(observer.0.get()) {
        let report = emission.wait_timeout(Duration::ZERO);
        assert!(report.is_some_and(|report| report.is_discarded() || report.is_ok()));
    }
    let seen = observer.1.lock().unwrap();
    assert!(seen.contains(&false), "the outermost waits until the end");
    Ok(())
}

//! Emissions whose job the pool drops.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use soiree::EventPool;
use soiree_core::{Overflow, Pool};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use crate::support::{Blocker, CountWakes, TestResult};

/// E6
#[test]
fn an_emission_whose_job_is_dropped_is_reported_as_discarded_and_wakes_every_waiter() -> TestResult
{
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    let blocker = Blocker::worker(&soiree);
    let emission = soiree.emit("t", ())?;
    let awaited = soiree.emit("t", ())?;
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| emission.wait())).collect();
        let iterating = scope.spawn(|| emission.errors().count());
        pool.stop();
        for waiter in waiters {
            let report = waiter.join().unwrap();
            assert!(report.is_discarded() && !report.is_ok());
        }
        assert_eq!(iterating.join().unwrap(), 0);
    });
    let mut future = pin!(awaited.into_future());
    let ready = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ready, Poll::Ready(report) if report.is_discarded()));
    blocker.release();
    soiree.close()?;
    Ok(())
}

/// E6
#[test]
fn a_task_that_awaits_a_discarded_emission_is_woken_once() -> TestResult {
    let pool = ManualPool::new();
    let soiree = EventPool::with_pool(pool.clone());
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(soiree.emit("t", ())?.into_future());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert!(pool.discard_next());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(
        matches!(future.as_mut().poll(&mut context), Poll::Ready(report) if report.is_discarded())
    );
    soiree.close()?;
    Ok(())
}

/// E6
#[test]
fn drop_oldest_ends_the_oldest_emission_as_discarded() -> TestResult {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(1)
        .overflow(Overflow::DropOldest)
        .build()?;
    let soiree = EventPool::with_pool(pool);
    soiree.on("t", |_| {})?;
    let blocker = Blocker::worker(&soiree);
    let (oldest, newest) = (soiree.emit("t", 1)?, soiree.emit("t", 2)?);
    assert!(oldest.wait().is_discarded());
    blocker.release();
    assert_eq!(newest.wait().delivered(), 1);
    Ok(())
}

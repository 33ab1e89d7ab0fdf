//! How long an async emit waits for a place.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Overflow, Pool, SubmitErrorReason};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, ManualTimer};

use crate::support::{Blocker, CountWakes, PlainPool, worker_pool};

const LIMIT: Duration = Duration::from_secs(30);

fn counting_waker() -> (Arc<CountWakes>, Waker) {
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    (wakes, waker)
}

/// A1, P2: with `BlockFor` it waits until the time is over, by the clock of the event pool, and not less.
#[test]
fn an_async_emit_waits_as_long_as_block_for_says() {
    let timer = ManualTimer::new();
    let pool = WorkerPool::builder().max_workers(1).capacity(1);
    let pool = pool.overflow(Overflow::BlockFor(LIMIT)).build().unwrap();
    let builder = EventPool::builder().pool(pool).timer(timer.clone());
    let soiree = builder.build().unwrap();
    let blocker = Blocker::worker(&soiree);
    soiree.emit("queued", ()).unwrap();

    let (wakes, waker) = counting_waker();
    let mut context = Context::from_waker(&waker);
    let mut late = pin!(soiree.emit_async("late", 7_u8));
    assert!(late.as_mut().poll(&mut context).is_pending());
    timer.advance(LIMIT - Duration::from_nanos(1));
    assert!(late.as_mut().poll(&mut context).is_pending());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    timer.advance(Duration::from_nanos(1));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(Err(EmitError::Rejected {
        source, payload, ..
    })) = late.as_mut().poll(&mut context)
    else {
        panic!("it waits on");
    };
    assert!(matches!(
        source,
        SubmitErrorReason::TimedOut { waited: LIMIT }
    ));
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
    blocker.release();
    soiree.close().unwrap();
}

/// A1: an async emit whose bulkhead is removed stands in the line of the pool that its topic goes to now. That pool wakes it.
#[test]
fn an_async_emit_of_a_removed_bulkhead_waits_for_a_place_in_its_next_pool() {
    let timer = ManualTimer::new();
    let rest = Arc::new(worker_pool("rest", 1, 1));
    let builder = EventPool::builder().pool(Arc::clone(&rest));
    // It reserves no places, and has none.
    let builder = builder.bulkhead("mail", PlainPool(ManualPool::with_capacity(0)));
    let builder = builder.route("mail", "mail").timer(timer.clone());
    let soiree = builder.build().unwrap();
    let blocker = Blocker::worker(&soiree);
    soiree.emit("queued", ()).unwrap();

    let (wakes, waker) = counting_waker();
    let mut context = Context::from_waker(&waker);
    let mut late = pin!(soiree.emit_async("mail", ()));
    assert!(late.as_mut().poll(&mut context).is_pending());
    soiree.drain_bulkhead("mail").unwrap();
    timer.advance(Duration::from_secs(1));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(late.as_mut().poll(&mut context).is_pending());
    assert_eq!(rest.stats().blocked, 1);

    blocker.release();
    let emission = pollster::block_on(late).unwrap();
    assert!(emission.wait().is_ok());
    soiree.close().unwrap();
}

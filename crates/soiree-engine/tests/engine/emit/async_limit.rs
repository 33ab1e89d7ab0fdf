//! How long an async emit waits for a place.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Overflow, SubmitErrorReason};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::{Blocker, CountWakes};

const LIMIT: Duration = Duration::from_secs(30);

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

    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
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

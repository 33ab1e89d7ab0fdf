//! Wakers of the executor's that panic.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use soiree_bounded::{Permit, StartedJob};
use soiree_core::{DrainTimeout, Job, Pool};

use crate::common::ScriptedExecutor;

/// A waker that panics when it wakes its task, and when it is dropped.
struct HostileWaker;

impl Wake for HostileWaker {
    fn wake(self: Arc<Self>) {
        panic!("it wakes");
    }
}

impl Drop for HostileWaker {
    fn drop(&mut self) {
        panic!("it is dropped");
    }
}

/// P5, P4: wakers that panic harm nothing: neither the poll that replaces one, nor the release that wakes the tasks of the futures it drops.
#[test]
fn wakers_may_panic() {
    let executor = ScriptedExecutor::polling();
    let future = Arc::new(());
    let pool = executor.pool(3, 0);
    for _ in 0..3 {
        let future = Arc::clone(&future);
        let never = async move {
            std::future::pending::<()>().await;
            drop(future);
        };
        pool.submit(Job::from_future(never)).unwrap();
    }
    let permits = executor.take_permits();
    let mut started: Vec<StartedJob> = permits.into_iter().filter_map(Permit::start).collect();
    for job in &mut started {
        for _ in 0..2 {
            // The pool has the last handle.
            let waker = Waker::from(Arc::new(HostileWaker));
            let polled = Pin::new(&mut *job);
            let mut context = Context::from_waker(&waker);
            assert!(Future::poll(polled, &mut context).is_pending());
        }
    }
    let released = pool.release_with_deadline(Instant::now());
    assert_eq!(released, Err(DrainTimeout::new(0, 3)));
    assert_eq!(Arc::strong_count(&future), 1, "the futures are gone");
    assert_eq!(pool.stats().discarded, 3);
}

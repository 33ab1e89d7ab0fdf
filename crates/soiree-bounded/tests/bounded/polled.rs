//! Tasks that a test polls by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use soiree_bounded::{BoundedPool, Permit};
use soiree_core::{Pool, Reservation, Reserve, SubmitErrorReason};

use crate::common::{RunLog, ScriptedExecutor};

pub(crate) type TestPool = Arc<BoundedPool<ScriptedExecutor>>;

/// A future that is polled by hand, with a waker that counts.
pub(crate) struct Polled {
    pub(crate) reserve: Reserve,
    pub(crate) wakes: Arc<Wakes>,
}

#[derive(Default)]
pub(crate) struct Wakes(pub(crate) AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Polled {
    pub(crate) fn new(pool: &TestPool) -> Self {
        Self {
            reserve: pool.reserve().expect("the pool can do this"),
            wakes: Arc::default(),
        }
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<Reservation, SubmitErrorReason>> {
        poll(&mut self.reserve, &Waker::from(Arc::clone(&self.wakes)))
    }

    /// The place that it gets at once.
    pub(crate) fn ready(pool: &TestPool) -> Reservation {
        match Self::new(pool).poll() {
            Poll::Ready(place) => place.expect("there is a place"),
            Poll::Pending => panic!("there is a place"),
        }
    }

    /// One that waits.
    pub(crate) fn waiting(pool: &TestPool) -> Self {
        let mut waiting = Self::new(pool);
        let blocked = pool.stats().blocked;
        assert!(waiting.poll().is_pending());
        assert_eq!(pool.stats().blocked, blocked + 1);
        waiting
    }

    /// The place of one that was woken.
    #[track_caller]
    pub(crate) fn granted(mut self) -> Reservation {
        assert!(self.wakes() > 0, "it is woken");
        match self.poll() {
            Poll::Ready(place) => place.expect("it has a place"),
            Poll::Pending => panic!("it has a place"),
        }
    }
}

pub(crate) fn poll(
    reserve: &mut Reserve,
    waker: &Waker,
) -> Poll<Result<Reservation, SubmitErrorReason>> {
    Pin::new(reserve).poll(&mut Context::from_waker(waker))
}

/// Fills the pool: one job for each worker, and those that wait.
pub(crate) fn fill(pool: &TestPool, log: &RunLog, jobs: usize) {
    (0..jobs).for_each(|_| pool.submit(log.job("before")).unwrap());
}

pub(crate) fn run_one(executor: &ScriptedExecutor) {
    executor.take_permits().into_iter().for_each(Permit::run);
}

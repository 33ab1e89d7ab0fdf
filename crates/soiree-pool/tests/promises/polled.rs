//! Tasks that a test polls by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use soiree_core::{Reservation, Reserve};

use soiree_pool::{Pool, SubmitErrorReason, WorkerPool, WorkerPoolBuilder};

pub(crate) fn builder(workers: usize, capacity: usize) -> WorkerPoolBuilder {
    let builder = WorkerPool::builder().max_workers(workers);
    builder.capacity(capacity)
}

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
    pub(crate) fn new(pool: &WorkerPool) -> Self {
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
    pub(crate) fn ready(pool: &WorkerPool) -> Reservation {
        match Self::new(pool).poll() {
            Poll::Ready(place) => place.expect("there is a place"),
            Poll::Pending => panic!("there is a place"),
        }
    }

    /// One that waits.
    pub(crate) fn waiting(pool: &WorkerPool) -> Self {
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

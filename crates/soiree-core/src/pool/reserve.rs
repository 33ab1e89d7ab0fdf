//! Waiting for a place in the queue of a pool, without holding a thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::reservation::Reservation;
use crate::rejection::SubmitErrorReason;

/// Waits for a place in the queue of a pool. Returned by [`Pool::reserve`](super::Pool::reserve).
///
/// Dropping it ends the wait. A place that was kept for it goes to the next one who waits.
#[must_use = "futures do nothing unless polled"]
pub struct Reserve {
    future: BoxedReserve,
    timeout: Option<Duration>,
}

type BoxedReserve = Pin<Box<dyn Future<Output = Result<Reservation, SubmitErrorReason>> + Send>>;

impl Reserve {
    /// Waits with this future.
    pub fn new(
        future: impl Future<Output = Result<Reservation, SubmitErrorReason>> + Send + 'static,
    ) -> Self {
        Self {
            future: Box::pin(future),
            timeout: None,
        }
    }

    /// Sets how long the caller is to wait at most: the limit of [`Overflow::BlockFor`](super::Overflow::BlockFor). The future has no
    /// timer, and does not end by itself then.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long the caller is to wait at most. It has to drop the future then. `None` if there is no limit.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

impl Future for Reserve {
    type Output = Result<Reservation, SubmitErrorReason>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

//! Releasing a pool without blocking the calling thread.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::error::DrainTimeout;
use crate::spawn_blocking::SpawnBlocking;

/// Waits until a pool is released. Returned by [`Pool::release_async`](crate::Pool::release_async).
#[must_use = "futures do nothing unless polled"]
pub struct ReleaseFuture {
    released: SpawnBlocking<Result<(), DrainTimeout>>,
    /// For the case that no thread can be started.
    release: Release,
}

/// Releases the pool with a deadline.
type Release = Arc<dyn Fn(Instant) -> Result<(), DrainTimeout> + Send + Sync>;

impl ReleaseFuture {
    pub(super) fn new(
        release: impl Fn(Instant) -> Result<(), DrainTimeout> + Send + Sync + 'static,
        deadline: Instant,
    ) -> Self {
        let release: Release = Arc::new(release);
        let on_thread = Arc::clone(&release);
        Self {
            released: SpawnBlocking::new("soiree-release", move || on_thread(deadline)),
            release,
        }
    }
}

impl Future for ReleaseFuture {
    type Output = Result<(), DrainTimeout>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let released = ready!(Pin::new(&mut self.released).poll(context));
        Poll::Ready(released.unwrap_or_else(|_| (self.release)(Instant::now())))
    }
}

impl fmt::Debug for ReleaseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReleaseFuture").finish_non_exhaustive()
    }
}

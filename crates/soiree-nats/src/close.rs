//! Closing a bridge.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::error::CloseNatsError;
use crate::nats::{Inner, Nats, RunningConsumer, stats_of};

/// How long the client may take to send what waits, after everything has ended.
const DRAIN: Duration = Duration::from_secs(5);

/// How often a close looks whether what is being published has arrived.
const LOOK: Duration = Duration::from_millis(5);

/// How often the `ack_timeout` passes before a publish must have ended, with all that it may ask the server for.
const ANSWERS: u32 = 4;

/// # Closing
impl Nats {
    /// Asks for no more messages, waits for those that are being handled and for what is being published, and closes the connection. The
    /// listeners that publish are removed: what an outbox has not published yet, it publishes after the next start. Blocks until then. On a
    /// thread that runs futures use [`close_async`](Nats::close_async): it may be the one that publishes.
    ///
    /// Close the bridge before an outbox. Close an event pool before its bridge, so that what it still emits is published.
    ///
    /// # Errors
    /// If it was closed before, or if what is being published has not ended after four times the `ack_timeout`: then no thread goes on with it.
    pub fn close(&self) -> Result<(), CloseNatsError> {
        self.close_within(None)
    }

    /// As [`close`](Nats::close), but waits no longer than `timeout`, and then some seconds at most for the connection. Messages that are
    /// still being handled come again after their `ack_wait`.
    ///
    /// # Errors
    /// As [`close`](Nats::close), and if something was still on its way.
    pub fn close_with_deadline(&self, timeout: Duration) -> Result<(), CloseNatsError> {
        self.close_within(Some(timeout))
    }

    /// As [`close`](Nats::close), in async code. It goes on if the future is dropped.
    ///
    /// # Errors
    /// As [`close`](Nats::close).
    pub async fn close_async(&self) -> Result<(), CloseNatsError> {
        self.close_async_within(None).await
    }

    /// As [`close_with_deadline`](Nats::close_with_deadline), in async code. It goes on if the future is dropped.
    ///
    /// # Errors
    /// As [`close_with_deadline`](Nats::close_with_deadline).
    pub async fn close_async_with_deadline(&self, timeout: Duration) -> Result<(), CloseNatsError> {
        self.close_async_within(Some(timeout)).await
    }

    fn close_within(&self, limit: Option<Duration>) -> Result<(), CloseNatsError> {
        let closed = self
            .inner
            .bridge
            .runtime
            .wait(close(Arc::clone(&self.inner), limit));
        closed.unwrap_or(Err(CloseNatsError::Closed))
    }

    async fn close_async_within(&self, limit: Option<Duration>) -> Result<(), CloseNatsError> {
        let close = close(Arc::clone(&self.inner), limit);
        let closed = self.inner.bridge.runtime.spawn(close).await;
        closed.unwrap_or(Err(CloseNatsError::Closed))
    }
}

async fn close(inner: Arc<Inner>, limit: Option<Duration>) -> Result<(), CloseNatsError> {
    let (mut consumers, publishers) = {
        let mut state = inner.state();
        if state.is_closed {
            return Err(CloseNatsError::Closed);
        }
        state.is_closed = true;
        state.ended = stats_of(&state.consumers);
        (
            std::mem::take(&mut state.consumers),
            std::mem::take(&mut state.publishers),
        )
    };
    // Hands what is new to nobody.
    for (_, unsubscribe) in publishers {
        unsubscribe();
    }
    for running in &consumers {
        running.consumer.stop();
    }
    inner.bridge.closing.send_replace(true);
    let started = Instant::now();
    let deadline = limit.and_then(|limit| started.checked_add(limit));
    let mut running = 0;
    for RunningConsumer { consumer, task } in &mut consumers {
        if ended(deadline, &mut *task).await.is_none() {
            running += consumer.figures.in_flight.get();
            task.abort();
        }
    }
    inner.state().ended = stats_of(&consumers);
    drop(consumers);
    let bridge = &inner.bridge;
    let published = async {
        while bridge.figures.publishing.get() > 0 {
            sleep(LOOK).await;
        }
    };
    // It ends by itself, if the pool of its listener polls it. This may be called where nothing does.
    let answered = Instant::now().checked_add(bridge.ack_timeout.saturating_mul(ANSWERS));
    let latest = [deadline, answered].into_iter().flatten().min();
    if ended(latest, published).await.is_none() {
        running += bridge.figures.publishing.get();
    }
    bridge.connection.drain(DRAIN).await;
    match running {
        0 => Ok(()),
        running => Err(CloseNatsError::Running {
            running,
            waited: started.elapsed(),
        }),
    }
}

/// What the future returns, unless the deadline comes first.
async fn ended<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

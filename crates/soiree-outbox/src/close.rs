//! Closing an outbox, and waiting until it is empty.

use std::sync::mpsc::channel;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::SpawnBlocking;
use soiree_core::store::StoreError;
use soiree_engine::CloseError;

use crate::commit_queue::Refusal;
use crate::error::{CloseOutboxError, DrainOutboxTimeout};
use crate::figures::StoreState;
use crate::outbox::{Lifecycle, Outbox, Threads};
use crate::signals::Command;

/// How long after the deadline the last commit may end: it has the marks of the deliveries that were given up.
const LAST_COMMIT: Duration = Duration::from_secs(1);

/// What the threads have left.
struct Finished {
    /// Deliveries that had not ended.
    running: usize,
    failed: Option<Arc<StoreError>>,
}

/// # Closing
impl Outbox {
    /// Rejects new events, commits those that were accepted, waits for the deliveries that run, and closes the event pool. What has not been
    /// delivered stays in the store, for the next start. Blocks until then.
    ///
    /// # Errors
    /// If it was closed before, the store failed, or it would wait for itself: inside a listener, or on a thread that runs futures of its listeners.
    pub fn close(&self) -> Result<(), CloseOutboxError> {
        self.close_until(None)
    }

    /// As [`close`](Outbox::close), but waits no longer than `timeout`, and then at most a second for the last commit. Deliveries that have not
    /// ended by then are repeated after the next start.
    ///
    /// # Errors
    /// As [`close`](Outbox::close), and if deliveries had not ended. If the outbox itself is held up, such as by a listener in a transaction
    /// of the store, the rest of the close goes on on a thread of its own: [`CloseOutboxError::Unfinished`].
    pub fn close_with_deadline(&self, timeout: Duration) -> Result<(), CloseOutboxError> {
        self.close_until(Instant::now().checked_add(timeout))
    }

    /// As [`close`](Outbox::close), in async code. It goes on if the future is dropped after the first poll.
    ///
    /// # Errors
    /// As [`close`](Outbox::close).
    pub async fn close_async(&self) -> Result<(), CloseOutboxError> {
        self.close_async_until(None).await
    }

    /// As [`close_with_deadline`](Outbox::close_with_deadline), in async code.
    ///
    /// # Errors
    /// As [`close_with_deadline`](Outbox::close_with_deadline).
    pub async fn close_async_with_deadline(
        &self,
        timeout: Duration,
    ) -> Result<(), CloseOutboxError> {
        self.close_async_until(Instant::now().checked_add(timeout))
            .await
    }

    pub(crate) async fn close_async_until(
        &self,
        deadline: Option<Instant>,
    ) -> Result<(), CloseOutboxError> {
        // The other thread would not notice that it closes for a listener. This one does not block.
        let no_blocking = Some(Instant::now());
        self.inner.soiree.can_shut_down(no_blocking)?;
        let outbox = self.clone();
        let close = SpawnBlocking::new("soiree-outbox-close", move || outbox.close_until(deadline));
        close.await.unwrap_or_else(|_| self.close_until(deadline))
    }

    pub(crate) fn close_until(&self, deadline: Option<Instant>) -> Result<(), CloseOutboxError> {
        let inner = &self.inner;
        if thread::current().id() == inner.relay_thread {
            // An observer: the thread would wait for itself.
            return Err(CloseError::InsideListener.into());
        }
        inner.soiree.can_shut_down(deadline)?;
        {
            let mut lifecycle = inner.lifecycle();
            if *lifecycle == Lifecycle::Closed {
                return Err(CloseOutboxError::Closed);
            }
            *lifecycle = Lifecycle::Closed;
        }
        // In this order: once an emit is rejected, nothing that is held starts.
        inner.signals.send(Command::Stop);
        inner.queue.refuse(Refusal::Closed);
        let finished = self.finish_until(deadline);
        let closed = inner.soiree.shut_down(deadline);
        let Some(Finished { running, failed }) = finished else {
            let running = self.running();
            return Err(CloseOutboxError::Unfinished { running });
        };
        closed?;
        if let Some(error) = failed {
            return Err(CloseOutboxError::Store(error));
        }
        if running > 0 {
            return Err(CloseOutboxError::Running { running });
        }
        Ok(())
    }

    /// Ends the threads and closes the store. `None` if that takes longer: it goes on.
    fn finish_until(&self, deadline: Option<Instant>) -> Option<Finished> {
        let Some(end) = deadline.and_then(|deadline| deadline.checked_add(LAST_COMMIT)) else {
            return Some(self.finish(deadline));
        };
        let (sender, receiver) = channel();
        let outbox = self.clone();
        let finishing = thread::Builder::new()
            .name("soiree-outbox-close".into())
            .spawn(move || sender.send(outbox.finish(deadline)));
        match finishing {
            Ok(_) => {
                let remaining = end.saturating_duration_since(Instant::now());
                receiver.recv_timeout(remaining).ok()
            }
            Err(_) => Some(self.finish(deadline)),
        }
    }

    fn finish(&self, deadline: Option<Instant>) -> Finished {
        let inner = &self.inner;
        let threads = inner.threads.lock();
        let threads = threads.unwrap_or_else(PoisonError::into_inner).take();
        let running = threads.map_or(0, |threads| self.end(threads, deadline));
        let mut failed = match inner.figures.read(0).state {
            StoreState::Failed(error) => Some(error),
            // What listeners have done is not in the store.
            StoreState::Failing(error) if inner.queue.has_marks() => Some(error),
            _ => None,
        };
        if let Err(error) = inner.store.close() {
            failed.get_or_insert(error.into());
        }
        Finished { running, failed }
    }

    fn running(&self) -> usize {
        let listeners = self.inner.listeners();
        let infos = listeners.values().map(|subscription| {
            let info = subscription.info.lock();
            info.unwrap_or_else(PoisonError::into_inner).in_flight
        });
        infos.sum()
    }

    /// Waits for both threads, and ends the claims. Returns how many deliveries have not ended.
    fn end(&self, threads: Threads, deadline: Option<Instant>) -> usize {
        let inner = &self.inner;
        let Threads { writer, relay } = threads;
        let mut running = 0;
        let claims = match deadline {
            None => relay.recv().ok(),
            Some(deadline) => {
                let remaining = deadline.saturating_duration_since(Instant::now());
                relay
                    .recv_timeout(remaining)
                    .or_else(|_| {
                        running = self.running();
                        inner.signals.send(Command::Abandon);
                        relay.recv()
                    })
                    .ok()
            }
        };
        inner.queue.close_until(deadline);
        // A panic in there has been printed; what it leaves is delivered again.
        let _ = writer.join();
        for term in claims.unwrap_or_default() {
            // The claim ends with the process anyway.
            let _ = inner.store.release(&term);
        }
        running
    }

    /// Waits until every durable listener has ended every event, those included that are emitted meanwhile. Dead events do not count. What they
    /// have done is in the store then. Blocks. Inside a durable listener it waits for itself, until the timeout.
    ///
    /// # Errors
    /// If that is not so after `timeout`, such as before [`start`](Outbox::start), and at once if the outbox is closed. The error says so.
    pub fn drain(&self, timeout: Duration) -> Result<(), DrainOutboxTimeout> {
        let (sender, receiver) = channel();
        self.inner.signals.send(Command::Drained(sender));
        receiver
            .recv_timeout(timeout)
            .map_err(|_| self.not_drained())
    }

    /// As [`drain`](Outbox::drain), in async code.
    ///
    /// # Errors
    /// As [`drain`](Outbox::drain).
    pub async fn drain_async(&self, timeout: Duration) -> Result<(), DrainOutboxTimeout> {
        let outbox = self.clone();
        let drain = SpawnBlocking::new("soiree-outbox-drain", move || outbox.drain(timeout));
        drain.await.unwrap_or_else(|_| Err(self.not_drained()))
    }

    fn not_drained(&self) -> DrainOutboxTimeout {
        let reason = match *self.inner.lifecycle() {
            Lifecycle::Built => ": the outbox has not been started, and delivers nothing before",
            Lifecycle::Started => "",
            Lifecycle::Closed => ": the outbox is closed",
        };
        DrainOutboxTimeout { reason }
    }
}

//! What async code calls instead of methods that block.

use std::any::Any;
use std::future::Future;
use std::time::Instant;

use soiree_core::{BulkheadError, Event, SpawnBlocking};
use soiree_engine::{CloseError, Emission, EmitError};

use crate::bulkheads::DrainBulkheadError;
use crate::handle::EventPool;

/// # In async code
impl EventPool {
    /// Emits a payload as [`emit`](EventPool::emit) does. Where that would block, the future waits without holding a thread.
    ///
    /// It needs no runtime: any executor can poll it. Threads that block in `emit` and futures that wait here get places in the order
    /// in which they began to wait. Nothing happens before the first poll. If the future is dropped before it is ready, nothing was
    /// emitted, and the payload is dropped.
    ///
    /// - The [overflow policy](crate::Overflow) of the pool holds. Where it blocks or runs the event on the caller, this waits; with a
    ///   time limit, up to that. The other policies reject the event, or drop the oldest one, at once.
    /// - Inside a listener or a job of the `EventPool` it never waits: the pool could need that very listener to end. If there is no
    ///   place, the event is rejected.
    /// - A pool of your own without [`Pool::reserve`](crate::pool::Pool::reserve) is asked again and again, with pauses of up to 50 ms.
    ///   Threads that block may overtake futures there.
    /// - A close rejects the events that still wait.
    /// - If too many events wait behind others of their [key](crate::KeyOrder), it waits for room, in no particular order.
    ///
    /// # Errors
    /// As [`emit`](EventPool::emit). The error returns the payload.
    ///
    /// ```
    /// # use soiree::EventPool;
    /// # async fn handler() -> Result<(), Box<dyn std::error::Error>> {
    /// let soiree = EventPool::new();
    /// let emission = soiree.emit_async("user.created", "Matty Ice").await?; // waits for a place
    /// let report = emission.await; // waits for the listeners
    /// assert!(report.is_ok());
    /// soiree.close_async().await?;
    /// # Ok(())
    /// # }
    /// # pollster::block_on(handler())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn emit_async<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.emit_async(topic, payload).await
    }

    /// Emits an event of your own as [`emit_async`](EventPool::emit_async) does.
    ///
    /// # Errors
    /// As [`emit_async`](EventPool::emit_async).
    pub async fn emit_event_async(
        &self,
        event: impl Event + 'static,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.emit_event_async(event).await
    }

    /// Emits a payload if there is a place for it now. Never waits, whatever the pool's [overflow policy](crate::Overflow) says.
    ///
    /// Also inside a listener, where [`emit`](EventPool::emit) would call the listeners of the new event at once.
    ///
    /// # Errors
    /// As [`emit`](EventPool::emit), and if there is no place: [`EmitError::is_full`] says so. The error returns the payload.
    ///
    /// ```
    /// # let soiree = soiree::EventPool::new();
    /// match soiree.try_emit("user.created", "Matty Ice") {
    ///     Ok(_) => println!("202 Accepted"),
    ///     Err(error) if error.is_full() => println!("429 Too Many Requests"),
    ///     Err(error) => println!("500 {error}"),
    /// }
    /// ```
    pub fn try_emit<T: Any + Send + Sync>(
        &self,
        topic: &str,
        payload: T,
    ) -> Result<Emission, EmitError> {
        self.inner.emitter.try_emit(topic, payload)
    }

    /// Emits an event of your own as [`try_emit`](EventPool::try_emit) does.
    ///
    /// # Errors
    /// As [`try_emit`](EventPool::try_emit).
    pub fn try_emit_event(&self, event: impl Event + 'static) -> Result<Emission, EmitError> {
        self.inner.emitter.try_emit_event(event)
    }

    /// Closes as [`close`](EventPool::close) does, without blocking the thread that polls the future: a thread of its own waits.
    ///
    /// Needs no runtime. The close begins with the first poll, and goes on if the future is dropped after that.
    ///
    /// # Errors
    /// As [`close`](EventPool::close). Also if no thread can be started; the `EventPool` is not closed then.
    pub fn close_async(&self) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        self.closing(None)
    }

    /// Closes as [`close_with_deadline`](EventPool::close_with_deadline) does, without blocking the thread that polls the future. See
    /// [`close_async`](EventPool::close_async).
    ///
    /// # Errors
    /// As [`close_with_deadline`](EventPool::close_with_deadline). Also if no thread can be started; the `EventPool` is not closed
    /// then.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// # use soiree::EventPool;
    /// # async fn shutdown(soiree: EventPool) -> Result<(), Box<dyn std::error::Error>> {
    /// let deadline = Instant::now() + Duration::from_secs(10);
    /// if let Err(late) = soiree.close_async_with_deadline(deadline).await {
    ///     eprintln!("{late}");
    /// }
    /// # Ok(())
    /// # }
    /// # pollster::block_on(shutdown(EventPool::new()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close_async_with_deadline(
        &self,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        self.closing(Some(deadline))
    }

    pub(crate) fn closing(
        &self,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<(), CloseError>> + Send + use<> {
        let soiree = self.clone();
        async move {
            // The other thread would not notice that it closes for a listener.
            soiree.inner.emitter.can_close_here()?;
            let close = move || soiree.inner.emitter.close(deadline);
            let closed = SpawnBlocking::new("soiree-close", close).await;
            closed.unwrap_or_else(|error| {
                Err(CloseError::Spawn {
                    error: error.to_string().into(),
                })
            })
        }
    }

    /// Drains a bulkhead as [`drain_bulkhead`](EventPool::drain_bulkhead) does, without blocking the thread that polls the future: a
    /// thread of its own waits.
    ///
    /// Needs no runtime. The bulkhead is removed with the first poll. Its pool runs its jobs also if the future is dropped after that.
    ///
    /// # Errors
    /// If no bulkhead has this name.
    pub async fn drain_bulkhead_async(&self, name: &str) -> Result<(), BulkheadError> {
        let handle = self.remove_bulkhead(name)?;
        if handle.is_owned() {
            let pool = handle.pool();
            while pool
                .clone()
                .release_async(soiree_core::far_future())
                .await
                .is_err()
                && !pool.wait_would_deadlock()
            {}
        }
        Ok(())
    }

    /// Drains a bulkhead as [`drain_bulkhead_with_deadline`](EventPool::drain_bulkhead_with_deadline) does, without blocking the thread
    /// that polls the future. See [`drain_bulkhead_async`](EventPool::drain_bulkhead_async).
    ///
    /// # Errors
    /// If no bulkhead has this name, or the deadline passes first.
    pub async fn drain_bulkhead_async_with_deadline(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<(), DrainBulkheadError> {
        let handle = self.remove_bulkhead(name)?;
        if !handle.is_owned() {
            return Ok(());
        }
        let drained = handle.pool().clone().release_async(deadline).await;
        drained.map_err(|source| DrainBulkheadError::DrainTimeout {
            name: name.into(),
            source,
        })
    }
}

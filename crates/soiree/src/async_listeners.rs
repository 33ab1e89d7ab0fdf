//! Subscribing async listeners.

use std::panic::Location;
use std::sync::Arc;

use soiree_core::{Async, Event, IntoListenerResult, ListenerId, ListenerOptions, SubscribeError};

use crate::handle::EventPool;
use crate::subscription::Subscriptions;

/// # Async listeners
impl EventPool {
    /// Subscribes a closure that returns a future, with [`Priority::Normal`](crate::Priority::Normal). The future returns `()` or
    /// a `Result<(), E>`.
    ///
    /// The future runs on the bulkhead named `async` ([`ASYNC_BULKHEAD`](crate::engine::ASYNC_BULKHEAD)), which also limits how many
    /// futures are in flight. While a future waits, it holds no thread. `TaskPool` (feature `tokio`) is a pool for this bulkhead.
    ///
    /// The emission waits for the future to end. The listeners after it do not. Inside the future, do not block: use `.await`
    /// instead of [`wait`](crate::Emission::wait). See [`AsyncListener`](crate::AsyncListener).
    ///
    /// # Errors
    /// As [`on`](EventPool::on), and if no bulkhead named `async` polls futures.
    ///
    #[cfg_attr(all(feature = "pool", feature = "tokio"), doc = "```")]
    #[cfg_attr(not(all(feature = "pool", feature = "tokio")), doc = "```ignore")]
    /// use soiree::{EventPool, TaskPool};
    ///
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    /// # let handle = runtime.handle().clone();
    /// // At most 100 futures in flight, and 1,000 more that wait to start.
    /// let soiree = EventPool::builder()
    ///     .bulkhead("async", TaskPool::new(handle, 100, 1_000)?)
    ///     .build()?;
    /// soiree.on_async("user.*", |event| async move {
    ///     tokio::task::yield_now().await;
    ///     println!("{}", event.topic());
    /// })?;
    /// let report = soiree.emit("user.created", "Matty Ice")?.wait(); // in async code, `.await`
    /// assert_eq!((report.delivered(), report.is_ok()), (1, true));
    /// soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn on_async<F>(
        &self,
        pattern: &str,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        self.on_async_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure that returns a future, with [`ListenerOptions`]; a [`Priority`](crate::Priority) alone will do. If
    /// the options name a [pool](ListenerOptions::pool), the futures run on that bulkhead.
    ///
    /// # Errors
    /// As [`on_async`](EventPool::on_async), and if the options are invalid or name a pool that does not poll futures.
    #[track_caller]
    pub fn on_async_with<F>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        let options = options.into().registered_at(Location::caller());
        self.listen_with(pattern, options, Async(listener))
    }
}

/// # Async listeners
impl Subscriptions {
    /// Subscribes a closure that returns a future. See [`EventPool::on_async`].
    ///
    /// # Errors
    /// As [`EventPool::on_async`].
    #[track_caller]
    pub fn on_async<F>(
        &self,
        pattern: &str,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        self.on_async_with(pattern, ListenerOptions::new(), listener)
    }

    /// Subscribes a closure that returns a future, with [`ListenerOptions`]. See [`EventPool::on_async_with`].
    ///
    /// # Errors
    /// As [`EventPool::on_async_with`].
    #[track_caller]
    pub fn on_async_with<F>(
        &self,
        pattern: &str,
        options: impl Into<ListenerOptions>,
        listener: impl Fn(Arc<dyn Event>) -> F + Send + Sync + 'static,
    ) -> Result<ListenerId, SubscribeError>
    where
        F: Future<Output: IntoListenerResult> + Send + 'static,
    {
        let options = options.into().registered_at(Location::caller());
        self.listen_with(pattern, options, Async(listener))
    }
}

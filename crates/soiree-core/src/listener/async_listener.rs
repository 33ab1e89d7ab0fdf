//! Async listeners.

use std::future::Future;
use std::sync::Arc;

use super::outcome::{BoxError, IntoListenerResult, ListenerFuture};
use super::{AsyncListener, Listener};
use crate::event::Event;

/// The name of the bulkhead that runs async listeners whose options name no other one.
pub const ASYNC_BULKHEAD: &str = "async";

impl<F, R> AsyncListener for F
where
    F: Fn(Arc<dyn Event>) -> R + Send + Sync,
    R: Future + Send + 'static,
    R::Output: IntoListenerResult,
{
    fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture {
        let future = self(event);
        Box::pin(async move { future.await.into_result() })
    }
}

/// Wraps an [`AsyncListener`], so that it can be subscribed like any [`Listener`].
///
/// ```
/// use soiree_core::{Async, AsyncListener, Event, Listener, ListenerFuture};
/// use std::sync::Arc;
///
/// struct Mailer;
///
/// impl AsyncListener for Mailer {
///     fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture {
///         Box::pin(async move {
///             println!("{}", event.topic());
///             Ok(())
///         })
///     }
/// }
///
/// let listener: Arc<dyn Listener> = Arc::new(Async(Mailer));
/// assert!(listener.as_async().is_some());
/// let closure: Arc<dyn Listener> = Arc::new(Async(|event: Arc<dyn Event>| async move {
///     println!("{}", event.topic());
/// }));
/// assert!(closure.as_async().is_some());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Async<L>(pub L);

impl<L: AsyncListener> Listener for Async<L> {
    /// Always fails, as nothing here polls a future. An emitter calls [`as_async`](Listener::as_async) instead.
    fn handle(&self, _: &dyn Event) -> Result<(), BoxError> {
        Err("an async listener runs only on a bulkhead that polls futures".into())
    }

    fn as_async(&self) -> Option<&dyn AsyncListener> {
        Some(&self.0)
    }
}

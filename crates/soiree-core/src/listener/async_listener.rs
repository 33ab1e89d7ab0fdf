//! Listeners that begin now and end later.

use std::future::Future;
use std::sync::Arc;

use super::outcome::{BoxError, IntoListenerResult, ListenerFuture};
use super::{AsyncListener, Listener};
use crate::event::Event;

/// The name of the bulkhead that runs async listeners which name no other.
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

/// An [`AsyncListener`], to be subscribed where a [`Listener`] is.
///
/// ```
/// use soiree_core::{Async, AsyncListener, Event, ListenerFuture, ListenerOptions};
/// use soiree_engine::Soiree;
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
/// fn register(soiree: &dyn Soiree) -> Result<(), Box<dyn std::error::Error>> {
///     soiree.subscribe("user.*", ListenerOptions::new(), Arc::new(Async(Mailer)))?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Async<L>(pub L);

impl<L: AsyncListener> Listener for Async<L> {
    /// Fails: there is nobody here to poll a future.
    fn handle(&self, _: &dyn Event) -> Result<(), BoxError> {
        Err("an async listener runs only on a bulkhead that polls futures".into())
    }

    fn as_async(&self) -> Option<&dyn AsyncListener> {
        Some(&self.0)
    }
}

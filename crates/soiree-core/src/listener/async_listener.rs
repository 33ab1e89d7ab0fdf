//! Listeners that begin now and end later.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::event::Event;
use crate::listener::{BoxError, Listener, Outcome};

/// What an async listener makes of an event.
pub type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A listener that is a future: it holds no thread while it waits.
///
/// Closures `Fn(Arc<dyn Event>) -> impl Future` are async listeners, if what the future returns is `()` or a `Result<(), E>`. A
/// type of your own is one by implementing this; [`Async`] makes a [`Listener`] of it, to be subscribed like any other.
///
/// It runs on a bulkhead that [polls futures](crate::Pool::polls_futures): the one that its options
/// [name](crate::ListenerOptions::pool), else the one called [`async`](crate::Bulkheads::ASYNC). There is no running it anywhere
/// else: if the bulkhead refuses it, or is gone, the report says so.
///
/// What holds of a listener with a pool of its own holds of it: its turn is when it is handed to the bulkhead; there it *starts*
/// when it has a place, unless the event has been aborted; other listeners do not wait for it, and the emission does. Its run is
/// counted and its filter asked as it starts.
///
/// While it waits for an emission with an `.await`, the async listeners of that emission that have yet to start on the same
/// bulkhead run inside it, in the place that it has already, so that a bulkhead does not wait for itself. (If that `.await` is
/// dropped, they go back to the bulkhead. Sixteen may run inside one another; beyond that they are refused.) *Blocking* on
/// such an emission, with `wait` or `emit_sync`, is of no use in there: that returns an
/// [unfinished](crate::Report::unfinished) report, as what is waited for may need the thread that waits. A task that it spawns
/// and waits for is not inside it; and two bulkheads whose listeners wait for each other can wait for ever, as ever.
///
/// If it is dropped before its end, since its bulkhead missed the deadline of a release or its runtime ended, it has failed:
/// [`Cancelled`](crate::Failure::Cancelled). There is no further attempt then.
pub trait AsyncListener: Send + Sync {
    /// Begins to handle one event. Called on a thread that polls futures, so it must not block, no more than the future.
    ///
    /// # Panics
    /// A panic is caught and treated as an error, here and in the future.
    fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture;
}

impl<F, R> AsyncListener for F
where
    F: Fn(Arc<dyn Event>) -> R + Send + Sync,
    R: Future + Send + 'static,
    R::Output: Outcome,
{
    fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture {
        let future = self(event);
        Box::pin(async move { future.await.into_result() })
    }
}

/// An [`AsyncListener`], to be subscribed where a [`Listener`] is.
///
/// ```
/// use soiree_core::{Async, AsyncListener, Event, ListenerFuture, ListenerOptions, Soiree};
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

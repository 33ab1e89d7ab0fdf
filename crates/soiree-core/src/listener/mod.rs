//! What is called when an event arrives.

mod async_listener;
mod error;
mod id;
mod outcome;

pub use self::async_listener::{ASYNC_BULKHEAD, Async};
pub(crate) use self::error::ErrorContext;
pub use self::error::{ListenerError, ListenerErrorKind, ListenerPanic};
pub use self::id::ListenerId;
pub use self::outcome::{BoxError, IntoListenerResult, ListenerFuture};
use std::sync::Arc;

use crate::event::Event;

/// What is called when an event arrives.
///
/// Closures `Fn(&dyn Event)` that return `()` or a `Result<(), E>` are listeners. A type of your own is one by
/// implementing this.
pub trait Listener: Send + Sync {
    /// Handles one event.
    ///
    /// # Errors
    /// What went wrong; it goes to the error handler and into the emission's report. The other listeners still run.
    ///
    /// # Panics
    /// A panic is caught and treated as an error.
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError>;

    /// Itself, if it is an [async listener](crate::Async), to be called in place of [`handle`](Listener::handle). Has to be the
    /// same at all times.
    fn as_async(&self) -> Option<&dyn AsyncListener> {
        None
    }
}

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
/// [`Cancelled`](crate::ListenerErrorKind::Cancelled). There is no further attempt then.
pub trait AsyncListener: Send + Sync {
    /// Begins to handle one event. Called on a thread that polls futures, so it must not block, no more than the future.
    ///
    /// # Panics
    /// A panic is caught and treated as an error, here and in the future.
    fn handle(&self, event: Arc<dyn Event>) -> ListenerFuture;
}

impl<F, R> Listener for F
where
    F: Fn(&dyn Event) -> R + Send + Sync,
    R: IntoListenerResult,
{
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        self(event).into_result()
    }
}

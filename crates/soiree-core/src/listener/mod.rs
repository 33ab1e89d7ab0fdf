//! Listeners, which handle events.

mod advice;
mod async_listener;
mod error;
mod id;
mod mut_listener;
mod outcome;
mod reply;

pub(crate) use self::advice::Advice;
pub use self::advice::{Permanent, RetryAfter};
pub use self::async_listener::{ASYNC_BULKHEAD, Async};
pub(crate) use self::error::ErrorContext;
pub use self::error::{ListenerError, ListenerErrorKind, ListenerPanic, NotCalled};
pub use self::id::ListenerId;
pub use self::mut_listener::Mut;
pub use self::outcome::{BoxError, IntoListenerResult, ListenerFn, ListenerFuture, Result, ok};
pub use self::reply::{Reply, take_reply};
use std::sync::Arc;

use crate::event::Event;
use crate::inbox_info::InboxInfo;

/// Handles events.
///
/// Closures `Fn(&dyn Event)` that return `()` or a `Result<(), E>` are listeners. Implement the trait for a type of your own.
///
/// - Runs on a worker of the pool, or on the emitting thread with `emit_sync`. Several threads may call it at the same time.
/// - May block, and holds its thread meanwhile.
/// - May do everything that other code may do: emit, subscribe, unsubscribe.
///
/// ```
/// use soiree_core::{BaseEvent, BoxError, Event, Listener};
///
/// struct Mailer;
///
/// impl Listener for Mailer {
///     fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
///         let address = event.payload_as::<String>().ok_or("no address")?;
///         println!("to {}", *address);
///         Ok(())
///     }
/// }
///
/// let event = BaseEvent::new("mail.queued", String::from("matty@ice.example"));
/// assert!(Mailer.handle(&event).is_ok());
/// let closure = |event: &dyn Event| println!("{}", event.topic());
/// assert!(closure.handle(&event).is_ok());
/// ```
pub trait Listener: Send + Sync {
    /// Handles one event.
    ///
    /// # Errors
    /// What went wrong. The error goes to the error handler, and then into the report of the emission. The other listeners
    /// are still called.
    ///
    /// # Panics
    /// A panic is caught and treated as an error.
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError>;

    /// The [async listener](crate::Async) to call instead of [`handle`](Listener::handle). `None` by default.
    ///
    /// Must always return the same.
    fn as_async(&self) -> Option<&dyn AsyncListener> {
        None
    }

    /// The figures of the inbox that this listener fills. `None` by default: it fills none.
    fn inbox(&self) -> Option<InboxInfo> {
        None
    }
}

/// Handles events with a future, which holds no thread while it waits.
///
/// Closures `Fn(Arc<dyn Event>) -> impl Future` are async listeners if the future's output is `()` or a `Result<(), E>`.
/// Implement the trait for a type of your own. Wrap either in [`Async`] to subscribe it as a [`Listener`].
///
/// # Where it runs
/// - It runs on a bulkhead that [polls futures](crate::Pool::polls_futures): the one that its options
///   [name](crate::ListenerOptions::pool), or else the one called [`async`](ASYNC_BULKHEAD).
/// - It never runs anywhere else. If the bulkhead rejects it or was removed, it is not called, and the report says so.
/// - It is submitted to the bulkhead in calling order. Later listeners do not wait for it; the emission does.
/// - When it starts on the bulkhead, its filter is checked and its run is counted. If the event was aborted by then, it is
///   skipped.
///
/// # The event
/// The event may be kept. It then keeps the handlers and observers of its emission alive; its payload alone does not.
///
/// # Waiting for an emission in an async listener
/// - Use `.await`. Async listeners of that emission that have not started on the same bulkhead run inside the waiting one, in
///   its place, so that the bulkhead cannot deadlock on itself. At most 16 run inside one another; the next one is rejected. If
///   the `.await` is dropped, the listeners go back to the bulkhead.
/// - Do not block, with `wait` or `emit_sync`. That returns an unfinished report (`Report::is_unfinished`) at once, as the
///   emission may need the blocked thread.
/// - A task that the listener spawns does not count as inside the listener.
/// - Two bulkheads whose listeners wait for each other can deadlock.
///
/// # Cancellation
/// A listener is dropped before it ends if its bulkhead misses a release deadline, or its runtime ends. It then fails with
/// [`Cancelled`](crate::ListenerErrorKind::Cancelled), and is not retried. It is dropped as well if its
/// [timeout](crate::ListenerOptions::timeout) passes. It has timed out then, and may be retried.
pub trait AsyncListener: Send + Sync {
    /// Starts to handle one event. Called on a thread that polls futures: neither this method nor the future may block.
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

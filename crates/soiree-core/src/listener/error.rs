//! The errors and panics of listeners.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::advice::{Advice, advice_of, inner};
use super::id::ListenerId;
use super::outcome::BoxError;
use crate::panic::Contained;
use crate::rejection::SubmitErrorReason;

/// The panic of a listener, as passed to the panic handler and to observers.
///
/// Displays the listener, its pattern, the topic and the message.
#[derive(Debug)]
#[non_exhaustive]
pub struct ListenerPanic<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The listener that panicked.
    pub listener: &'a ListenerId,
    /// The pattern that it is subscribed to.
    pub pattern: &'a str,
    /// The name from the listener's options, if any.
    pub name: Option<&'a str>,
    /// The place in the source that subscribed the listener, if known. See [`ListenerError::registered_at`].
    pub registered_at: Option<&'static Location<'static>>,
    /// The panic's message, or a placeholder if the payload is not a text.
    pub message: &'a str,
    /// The payload that was passed to `panic!` or `panic_any`.
    pub payload: &'a (dyn Any + Send),
}

/// The failure of one listener in one emission. Cheap to clone.
///
/// Displays the listener, its pattern, the topic and the cause. Never displays the payload.
#[derive(Clone)]
pub struct ListenerError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    topic: Arc<str>,
    listener: ListenerId,
    pattern: Arc<str>,
    name: Option<Arc<str>>,
    registered_at: Option<&'static Location<'static>>,
    cause: Arc<Cause>,
}

enum Cause {
    Failed(Contained<BoxError>),
    Panicked(Box<str>),
    TimedOut(Duration),
    Rejected {
        pool: Box<str>,
        reason: Contained<SubmitErrorReason>,
    },
    Discarded,
    NotCalled(NotCalled),
    Cancelled,
}

/// Why a listener with a limit of [calls at once](crate::ListenerOptions::max_concurrent) was not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NotCalled {
    /// It is called as often at once as it may be, and no more calls may wait.
    #[error(
        "it is called {max_concurrent} times already, and no more than {waiting_capacity} calls may wait"
    )]
    TooManyWait {
        /// How many calls of the listener may run at once.
        max_concurrent: usize,
        /// How many calls may wait in the `EventPool`.
        waiting_capacity: usize,
    },
    /// An `emit_sync` inside a call of the listener would wait for that call, and so for itself.
    #[error("an emit_sync inside a call of it would wait for itself")]
    InsideItself,
    /// The `EventPool` closed before its turn came.
    #[error("the event pool closed before its turn came")]
    GivenUp,
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenerErrorKind {
    /// The listener returned an error.
    Failed,
    /// The listener or its filter panicked.
    Panicked,
    /// The listener's [timeout](crate::ListenerOptions::timeout) has passed. It may still run.
    TimedOut,
    /// The listener was not called: its own pool rejected it, or too many of its [calls](crate::ListenerOptions::max_concurrent) wait.
    Rejected,
    /// The listener was not called: its own pool dropped it, or a close gave up its call, which waited.
    Discarded,
    /// The listener is an [async listener](crate::AsyncListener) and was dropped before it ended.
    Cancelled,
}

impl ListenerError {
    pub(crate) fn failed(context: ErrorContext<'_>, error: BoxError) -> Self {
        Self::of(context, Cause::Failed(error.into()))
    }

    pub(crate) fn panicked(context: ErrorContext<'_>, message: &str) -> Self {
        Self::of(context, Cause::Panicked(message.into()))
    }

    pub(crate) fn timed_out(context: ErrorContext<'_>, limit: Duration) -> Self {
        Self::of(context, Cause::TimedOut(limit))
    }

    pub(crate) fn rejected(
        context: ErrorContext<'_>,
        pool: &str,
        reason: SubmitErrorReason,
    ) -> Self {
        let (pool, reason) = (pool.into(), reason.into());
        Self::of(context, Cause::Rejected { pool, reason })
    }

    pub(crate) fn discarded(context: ErrorContext<'_>) -> Self {
        Self::of(context, Cause::Discarded)
    }

    pub(crate) fn not_called(context: ErrorContext<'_>, why: NotCalled) -> Self {
        Self::of(context, Cause::NotCalled(why))
    }

    pub(crate) fn cancelled(context: ErrorContext<'_>) -> Self {
        Self::of(context, Cause::Cancelled)
    }

    fn of(context: ErrorContext<'_>, cause: Cause) -> Self {
        Self(Arc::new(Inner {
            topic: context.topic.into(),
            listener: context.listener.clone(),
            pattern: Arc::clone(context.pattern),
            name: context.name.cloned(),
            registered_at: context.registered_at,
            cause: Arc::new(cause),
        }))
    }

    /// The same failure with another error as its source. For an error handler that translates errors.
    ///
    /// The [kind](ListenerError::kind) becomes [`Failed`](ListenerErrorKind::Failed).
    #[must_use]
    pub fn with_source(self, error: impl Into<BoxError>) -> Self {
        let cause = Arc::new(Cause::Failed(Contained::new(error.into())));
        Self(Arc::new(Inner {
            cause,
            ..(*self.0).clone()
        }))
    }

    /// The topic that was emitted.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// The listener that failed.
    pub fn listener(&self) -> &ListenerId {
        &self.0.listener
    }

    /// The pattern that the listener is subscribed to.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The name from the listener's options, if any.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The place in the source that subscribed the listener: the caller of `on` or a similar method, or what
    /// [its options say](crate::ListenerOptions::registered_at). `None` if neither is known.
    pub fn registered_at(&self) -> Option<&'static Location<'static>> {
        self.0.registered_at
    }

    /// The kind of failure.
    pub fn kind(&self) -> ListenerErrorKind {
        match &*self.0.cause {
            Cause::Failed(_) => ListenerErrorKind::Failed,
            Cause::Panicked(_) => ListenerErrorKind::Panicked,
            Cause::TimedOut(_) => ListenerErrorKind::TimedOut,
            Cause::Rejected { .. } => ListenerErrorKind::Rejected,
            Cause::Discarded | Cause::NotCalled(NotCalled::GivenUp) => ListenerErrorKind::Discarded,
            Cause::NotCalled(_) => ListenerErrorKind::Rejected,
            Cause::Cancelled => ListenerErrorKind::Cancelled,
        }
    }

    /// Whether the listener or its filter panicked.
    pub fn is_panic(&self) -> bool {
        self.kind() == ListenerErrorKind::Panicked
    }

    /// The message of the panic, if there was one. A placeholder if the payload was not a text.
    pub fn panic_message(&self) -> Option<&str> {
        match &*self.0.cause {
            Cause::Panicked(message) => Some(message),
            _ => None,
        }
    }

    /// The error that the listener returned, if it is an `E`. Sees through [`Permanent`](crate::Permanent) and
    /// [`RetryAfter`](crate::RetryAfter).
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &*self.0.cause {
            Cause::Failed(error) => inner(error).downcast_ref(),
            _ => None,
        }
    }

    /// What the error that the listener returned says about a further attempt. Calls the user's code.
    pub(crate) fn advice(&self) -> Option<Advice> {
        match &*self.0.cause {
            Cause::Failed(error) => advice_of(error),
            _ => None,
        }
    }
}

/// Which listener failed, and for which topic.
#[derive(Clone, Copy)]
pub(crate) struct ErrorContext<'a> {
    pub(crate) topic: &'a str,
    pub(crate) listener: &'a ListenerId,
    pub(crate) pattern: &'a Arc<str>,
    pub(crate) name: Option<&'a Arc<str>>,
    pub(crate) registered_at: Option<&'static Location<'static>>,
}

/// The listener, and where to find it.
fn write_listener(
    f: &mut fmt::Formatter<'_>,
    (name, id, pattern): (Option<&str>, &ListenerId, &str),
    registered_at: Option<&Location<'_>>,
) -> fmt::Result {
    let listener = name.unwrap_or(id.as_str());
    write!(f, "listener {listener} on {pattern} ")?;
    if let Some(place) = registered_at {
        write!(f, "(registered at {}:{}) ", place.file(), place.line())?;
    }
    Ok(())
}

impl fmt::Display for ListenerPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_listener(
            f,
            (self.name, self.listener, self.pattern),
            self.registered_at,
        )?;
        write!(f, "panicked for {}: {}", self.topic, self.message)
    }
}

impl fmt::Display for ListenerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let listener = (inner.name.as_deref(), &inner.listener, &*inner.pattern);
        write_listener(f, listener, inner.registered_at)?;
        match &*inner.cause {
            Cause::Failed(error) => write!(f, "failed for {}: {}", inner.topic, **error),
            Cause::Panicked(message) => write!(f, "panicked for {}: {message}", inner.topic),
            Cause::TimedOut(limit) => {
                write!(f, "had not returned after {limit:?} for {}", inner.topic)
            }
            Cause::Rejected { pool, reason } => {
                let topic = &inner.topic;
                write!(
                    f,
                    "was not called for {topic}: the bulkhead {pool} rejected it: {}",
                    **reason
                )
            }
            Cause::Discarded => {
                write!(f, "was not called for {}: its pool dropped it", inner.topic)
            }
            Cause::NotCalled(why) => write!(f, "was not called for {}: {why}", inner.topic),
            Cause::Cancelled => {
                write!(f, "was cancelled for {}: it had not ended", inner.topic)
            }
        }
    }
}

impl fmt::Debug for ListenerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerError")
            .field("topic", &self.topic())
            .field("listener", &self.listener())
            .field("pattern", &self.pattern())
            .field("message", &format_args!("{self}"))
            .finish()
    }
}

impl Error for ListenerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0.cause {
            Cause::Failed(error) => Some(&**inner(error)),
            Cause::Rejected { reason, .. } => Some(&**reason),
            Cause::NotCalled(why) => Some(why),
            Cause::Panicked(_) | Cause::TimedOut(_) | Cause::Discarded | Cause::Cancelled => None,
        }
    }
}

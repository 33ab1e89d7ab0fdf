//! How a listener failed.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::id::ListenerId;
use super::outcome::BoxError;
use crate::rejection::SubmitErrorReason;

/// A listener's panic, as the panic handler sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct ListenerPanic<'a> {
    /// The topic that was emitted.
    pub topic: &'a str,
    /// The listener that panicked.
    pub listener: &'a ListenerId,
    /// The pattern it was subscribed with.
    pub pattern: &'a str,
    /// The name it was given, if any.
    pub name: Option<&'a str>,
    /// Where in the program's source it was registered, if known. See [`ListenerError::registered_at`].
    pub registered_at: Option<&'static Location<'static>>,
    /// The panic's message, or a stand-in if it carried no text.
    pub message: &'a str,
    /// What was given to `panic!` or `panic_any`.
    pub payload: &'a (dyn Any + Send),
}

/// One listener's failure in one emission. Cheap to clone.
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
    Failed(BoxError),
    Panicked(Box<str>),
    TimedOut(Duration),
    Rejected(SubmitErrorReason),
    Discarded,
    Cancelled,
}

/// How a listener failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenerErrorKind {
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It had not returned in the time that it has, and may still run. See [`timeout`](crate::ListenerOptions::timeout).
    TimedOut,
    /// It was not called: the pool that it was to run on refused it.
    Rejected,
    /// It was not called: the pool that it was to run on dropped it.
    Discarded,
    /// It is an [async listener](crate::AsyncListener), and was dropped before its end.
    Cancelled,
}

impl ListenerError {
    pub(crate) fn failed(context: ErrorContext<'_>, error: BoxError) -> Self {
        Self::of(context, Cause::Failed(error))
    }

    pub(crate) fn panicked(context: ErrorContext<'_>, message: &str) -> Self {
        Self::of(context, Cause::Panicked(message.into()))
    }

    pub(crate) fn timed_out(context: ErrorContext<'_>, limit: Duration) -> Self {
        Self::of(context, Cause::TimedOut(limit))
    }

    pub(crate) fn rejected(context: ErrorContext<'_>, reason: SubmitErrorReason) -> Self {
        Self::of(context, Cause::Rejected(reason))
    }

    pub(crate) fn discarded(context: ErrorContext<'_>) -> Self {
        Self::of(context, Cause::Discarded)
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

    /// The same failure with another error in the place of its own, for an error handler that translates errors.
    #[must_use]
    pub fn with_source(self, error: impl Into<BoxError>) -> Self {
        let cause = Arc::new(Cause::Failed(error.into()));
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

    /// The pattern it was subscribed with.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The name it was given, if any.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Where in the program's source it was registered: the place that called `on` or the like, or what its options
    /// [say](crate::ListenerOptions::registered_at). `None` if it was subscribed in another way and they do not.
    pub fn registered_at(&self) -> Option<&'static Location<'static>> {
        self.0.registered_at
    }

    /// How it failed.
    pub fn kind(&self) -> ListenerErrorKind {
        match &*self.0.cause {
            Cause::Failed(_) => ListenerErrorKind::Failed,
            Cause::Panicked(_) => ListenerErrorKind::Panicked,
            Cause::TimedOut(_) => ListenerErrorKind::TimedOut,
            Cause::Rejected(_) => ListenerErrorKind::Rejected,
            Cause::Discarded => ListenerErrorKind::Discarded,
            Cause::Cancelled => ListenerErrorKind::Cancelled,
        }
    }

    /// Whether it panicked rather than returned an error.
    pub fn is_panic(&self) -> bool {
        self.kind() == ListenerErrorKind::Panicked
    }

    /// What it panicked with, if it did: the panic's message, or a stand-in if it carried no text.
    pub fn panic_message(&self) -> Option<&str> {
        match &*self.0.cause {
            Cause::Panicked(message) => Some(message),
            _ => None,
        }
    }

    /// What the listener returned, if it is an `E`.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &*self.0.cause {
            Cause::Failed(error) => error.downcast_ref(),
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

impl fmt::Display for ListenerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let listener = inner.name.as_deref().unwrap_or(inner.listener.as_str());
        write!(f, "listener {listener} on {} ", inner.pattern)?;
        if let Some(place) = inner.registered_at {
            write!(f, "(registered at {}:{}) ", place.file(), place.line())?;
        }
        match &*inner.cause {
            Cause::Failed(error) => write!(f, "failed for {}: {error}", inner.topic),
            Cause::Panicked(message) => write!(f, "panicked for {}: {message}", inner.topic),
            Cause::TimedOut(limit) => {
                write!(f, "had not returned after {limit:?} for {}", inner.topic)
            }
            Cause::Rejected(reason) => {
                write!(f, "was not called for {}: {reason}", inner.topic)
            }
            Cause::Discarded => {
                write!(f, "was not called for {}: its pool dropped it", inner.topic)
            }
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
            Cause::Failed(error) => Some(error.as_ref()),
            Cause::Rejected(reason) => Some(reason),
            Cause::Panicked(_) | Cause::TimedOut(_) | Cause::Discarded | Cause::Cancelled => None,
        }
    }
}

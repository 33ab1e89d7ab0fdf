//! Answers of listeners.

use std::any::Any;
use std::error::Error;
use std::fmt;

use super::outcome::{BoxError, IntoListenerResult};
use crate::payload::Payload;

/// What a listener returns to answer: a value that the emitter of the event gets, by `Emission::collect` or `Report::collect`.
///
/// The listener counts as successful. A closure may return a `Reply<T>` or a `Result<Reply<T>, E>`, an async one too.
///
/// # For those who call listeners themselves
/// [`Listener::handle`](crate::Listener::handle) returns a reply as an `Err`, since most listeners have none, and should not pay for
/// it. [`take_reply`] tells it from an error.
///
/// ```
/// use soiree_core::{BaseEvent, Event, Listener, Reply, take_reply};
///
/// let listener = |event: &dyn Event| Reply(event.topic().len());
/// let error = listener.handle(&BaseEvent::new("order.paid", ())).unwrap_err();
/// let reply = take_reply(error).expect("it is a reply");
/// assert_eq!(reply.downcast_ref(), Some(&10_usize));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<T>(pub T);

/// A reply on its way through the result of a listener.
struct Replied(Payload);

impl fmt::Debug for Replied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replied").field(&self.0).finish()
    }
}

impl fmt::Display for Replied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no error, but a reply of type {}", self.0.type_name())
    }
}

impl Error for Replied {}

impl<T: Any + Send + Sync> IntoListenerResult for Reply<T> {
    fn into_result(self) -> Result<(), BoxError> {
        Err(Box::new(Replied(Payload::new(self.0))))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Any + Send + Sync, E: Into<BoxError>> IntoListenerResult for Result<Reply<T>, E> {
    fn into_result(self) -> Result<(), BoxError> {
        match self {
            Ok(reply) => reply.into_result(),
            Err(error) => Err(error.into()),
        }
    }
}

/// The reply that a listener has returned as an error. See [`Reply`].
///
/// # Errors
/// The error, if it is none.
pub fn take_reply(error: BoxError) -> Result<Payload, BoxError> {
    error.downcast::<Replied>().map(|replied| replied.0)
}

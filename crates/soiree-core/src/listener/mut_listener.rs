//! Closures that change what they have captured.

use std::sync::{Mutex, TryLockError};

use super::Listener;
use super::outcome::{BoxError, IntoListenerResult};
use crate::event::Event;

/// Wraps a closure `FnMut`, so that it can be subscribed as a [`Listener`].
///
/// One call at a time: subscribe it with [`max_concurrent(1)`](crate::ListenerOptions::max_concurrent), as `on_mut` does. A call that comes
/// while another one runs, because that was not done, fails with an error that says so, and waits for nothing. A call that panics poisons
/// nothing: the next one finds what it has left.
///
/// ```
/// use soiree_core::{BaseEvent, Event, Listener, Mut};
///
/// let mut count = 0;
/// let listener = Mut::new(move |_: &dyn Event| {
///     count += 1;
///     if count < 3 { Ok(()) } else { Err("three are too many") }
/// });
/// let event = BaseEvent::new("order.paid", ());
/// assert!(listener.handle(&event).is_ok());
/// assert!(listener.handle(&event).is_ok());
/// assert_eq!(listener.handle(&event).unwrap_err().to_string(), "three are too many");
/// ```
#[derive(Debug)]
pub struct Mut<F>(Mutex<F>);

impl<F> Mut<F> {
    /// Wraps a closure.
    pub fn new(listener: F) -> Self {
        Self(Mutex::new(listener))
    }
}

impl<F, R> Listener for Mut<F>
where
    F: FnMut(&dyn Event) -> R + Send,
    R: IntoListenerResult,
{
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        // Never blocks: inside a call of itself it would wait for ever.
        let mut listener = match self.0.try_lock() {
            Ok(listener) => listener,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(IS_CALLED.into()),
        };
        listener(event).into_result()
    }
}

const IS_CALLED: &str =
    "it is being called already; a closure FnMut has to be subscribed with max_concurrent(1)";

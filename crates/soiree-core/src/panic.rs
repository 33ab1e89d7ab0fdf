//! Catching panics of user code.

use std::any::Any;
use std::fmt;
use std::mem::needs_drop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// The payload of a panic that was caught. Dropping it never panics, even if the payload's own `Drop` does.
pub struct PanicPayload(Option<Box<dyn Any + Send>>);

impl PanicPayload {
    /// Wraps the error of `catch_unwind`.
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(Some(payload))
    }

    /// The payload that was passed to `panic!` or `panic_any`.
    pub fn get(&self) -> &(dyn Any + Send) {
        match &self.0 {
            Some(payload) => payload.as_ref(),
            None => &(),
        }
    }

    /// The panic's message, or a placeholder if the payload is not a text.
    pub fn message(&self) -> &str {
        let payload = self.get();
        if let Some(text) = payload.downcast_ref::<&'static str>() {
            text
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text
        } else {
            "a panic that carries no text"
        }
    }

    /// Returns the payload, to resume the panic or to inspect it.
    pub fn into_inner(mut self) -> Box<dyn Any + Send> {
        self.0.take().unwrap_or_else(|| Box::new(()))
    }
}

impl Drop for PanicPayload {
    fn drop(&mut self) {
        let Some(payload) = self.0.take() else { return };
        if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            // Dropping the payload of this second panic may panic again, and so on without end.
            std::mem::forget(second);
        }
    }
}

impl fmt::Debug for PanicPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PanicPayload")
            .field(&self.message())
            .finish()
    }
}

/// Runs user code and catches a panic.
///
/// # Errors
/// The payload of the panic.
///
/// ```
/// use soiree_core::panic::caught;
/// assert_eq!(caught(|| 7).ok(), Some(7));
/// ```
#[inline]
pub fn caught<R>(run: impl FnOnce() -> R) -> Result<R, PanicPayload> {
    catch_unwind(AssertUnwindSafe(run)).map_err(PanicPayload::new)
}

/// Runs user code, such as the `Drop` of a value of the user's. Catches a panic and drops its payload.
#[inline]
pub fn contained(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        drop(PanicPayload::new(payload));
    }
}

/// A value of the user's, such as a payload, a listener or an error. Dropping it never panics, even if the value's `Drop` does.
///
/// If two values of one struct, list or map panic while it is dropped, the process aborts. So each of them is wrapped in this.
///
/// ```
/// use soiree_core::panic::Contained;
///
/// struct Bomb;
///
/// impl Drop for Bomb {
///     fn drop(&mut self) {
///         panic!("the payload's Drop");
///     }
/// }
///
/// drop(vec![Contained::new(Bomb), Contained::new(Bomb)]);
/// ```
#[derive(Clone)]
pub struct Contained<T>(
    /// `None` only while it is dropped.
    Option<T>,
);

impl<T> Contained<T> {
    /// Wraps a value.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Returns the value.
    #[inline]
    pub fn into_inner(mut self) -> T {
        self.0.take().expect(IS_THERE)
    }
}

impl Contained<Waker> {
    /// Wakes the task. A panic of the waker is caught.
    ///
    /// ```
    /// use std::task::Waker;
    /// use soiree_core::panic::Contained;
    ///
    /// Contained::new(Waker::noop().clone()).wake();
    /// ```
    pub fn wake(&self) {
        // Not by value: a waker that panics would be dropped while it unwinds, and may panic then too, which aborts the process.
        contained(|| self.wake_by_ref());
    }
}

const IS_THERE: &str = "it is taken out only when this is consumed";

impl<T> Deref for Contained<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect(IS_THERE)
    }
}

impl<T> Drop for Contained<T> {
    #[inline]
    fn drop(&mut self) {
        if needs_drop::<T>() {
            if let Some(value) = self.0.take() {
                contained(move || drop(value));
            }
        }
    }
}

impl<T> From<T> for Contained<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for Contained<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

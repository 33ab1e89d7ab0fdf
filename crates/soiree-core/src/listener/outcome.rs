//! What listeners return.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

/// Any error, as listeners return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The future that an async listener returns for an event.
pub type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// What a closure listener may return.
pub trait IntoListenerResult {
    /// As a result.
    ///
    /// # Errors
    /// If the listener failed.
    fn into_result(self) -> Result<(), BoxError>;
}

impl IntoListenerResult for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> IntoListenerResult for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

impl IntoListenerResult for Never {
    fn into_result(self) -> Result<(), BoxError> {
        self
    }
}

/// The type `!`, which closures that only panic return, and which cannot be written yet where types are named.
type Never = <fn() -> ! as Returns>::Output;

/// Names what a function pointer returns.
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<R> Returns for fn() -> R {
    type Output = R;
}

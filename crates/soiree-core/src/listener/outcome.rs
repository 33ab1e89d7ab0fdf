//! The results of listeners.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

/// The error of a listener: any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The future that an async listener returns for an event.
pub type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A type that a closure may return as a listener: `()`, `Result<(), E>`, or the result of a closure that always panics.
pub trait IntoListenerResult {
    /// Converts to a result.
    ///
    /// # Errors
    /// The listener's error.
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

/// The type `!`, which a closure that always panics returns. Stable Rust has no name for it yet.
type Never = <fn() -> ! as Returns>::Output;

/// Names the return type of a function pointer.
pub trait Returns {
    /// The return type.
    type Output;
}

impl<R> Returns for fn() -> R {
    type Output = R;
}

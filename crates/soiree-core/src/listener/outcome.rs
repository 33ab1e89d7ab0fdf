//! What closures have to be, and what they may return, to be listeners.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use crate::event::Event;

/// The error of a listener: any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The future that an async listener returns for an event.
pub type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A closure or a function `Fn(&dyn Event) -> R` that can be shared between threads. `R` is `()` or a `Result<(), E>`.
///
/// ```
/// use soiree_core::{Event, ListenerFn};
///
/// fn subscribe<R>(_listener: impl ListenerFn<R>) {}
///
/// fn audit(event: &dyn Event) {
///     println!("{}", event.topic());
/// }
///
/// subscribe(audit);
/// subscribe(|event| println!("{}", event.topic()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a closure or a function `Fn(&dyn Event)`",
    label = "not a closure or a function",
    note = "to subscribe a type that implements `Listener`, call `listen` or `listen_with`"
)]
pub trait ListenerFn<R>: Fn(&dyn Event) -> R + Send + Sync + 'static {}

impl<R, F: Fn(&dyn Event) -> R + Send + Sync + 'static> ListenerFn<R> for F {}

/// A type that a closure may return as a listener: `()`, `Result<(), E>`, or the result of a closure that always panics.
#[diagnostic::on_unimplemented(
    message = "a listener cannot return `{Self}`",
    label = "returns `{Self}`",
    note = "a listener returns `()` or a `Result<(), E>`, where `E` is an error that threads can share, or text",
    note = "of a boxed error, `E` is `soiree::BoxError`, which is `Box<dyn Error + Send + Sync>`",
    note = "to subscribe a closure that returns a future, call `on_async`"
)]
pub trait IntoListenerResult {
    /// Converts to a result.
    ///
    /// # Errors
    /// The listener's error.
    fn into_result(self) -> Result<(), BoxError>;
}

/// The result of a listener: `Ok(())`, or any error.
///
/// ```
/// # use soiree_core as soiree;
/// fn count(event: &dyn soiree::Event) -> soiree::Result {
///     let number: u32 = event.topic().trim_start_matches("order.").parse()?;
///     println!("order {number}");
///     Ok(())
/// }
/// # assert!(count(&soiree::BaseEvent::new("order.7", ())).is_ok());
/// ```
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// Returns `Ok(())`, as the last line of a closure that uses `?`. There, `Ok(())` alone does not say which error it may be.
///
/// ```
/// # use soiree_core as soiree;
/// # fn on<R>(listener: impl soiree::ListenerFn<R>) {}
/// on(|event| {
///     let number: u32 = event.topic().trim_start_matches("order.").parse()?;
///     println!("order {number}");
///     soiree::ok()
/// });
/// ```
///
/// # Errors
/// None.
pub fn ok() -> Result {
    Ok(())
}

impl IntoListenerResult for () {
    #[inline]
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

// Without these, the compiler says what `Into` lacks for the error, three times, and not what a listener returns.
#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoListenerResult for Result<(), E> {
    // Without optimisation across crates, a listener would call it, and it the conversion.
    #[inline]
    fn into_result(self) -> Result<(), BoxError> {
        match self {
            Ok(()) => Ok(()),
            Err(error) => Err(boxed(error)),
        }
    }
}

/// Apart, so that a listener that succeeds is no longer than what it does.
#[cold]
#[inline(never)]
fn boxed<E: Into<BoxError>>(error: E) -> BoxError {
    error.into()
}

#[diagnostic::do_not_recommend]
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

//! Panics of user code, caught.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic carried. Dropping it is safe even if the payload's own `Drop` panics.
pub struct PanicPayload(Option<Box<dyn Any + Send>>);

impl PanicPayload {
    /// Wraps what `catch_unwind` caught.
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        Self(Some(payload))
    }

    /// The payload itself, as given to `panic!` or `panic_any`.
    pub fn get(&self) -> &(dyn Any + Send) {
        match &self.0 {
            Some(payload) => payload.as_ref(),
            None => &(),
        }
    }

    /// The panic's message, or a stand-in if it was not text.
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

    /// Takes the payload out, to resume the panic or to inspect it.
    pub fn into_inner(mut self) -> Box<dyn Any + Send> {
        self.0.take().unwrap_or_else(|| Box::new(()))
    }
}

impl Drop for PanicPayload {
    fn drop(&mut self) {
        let Some(payload) = self.0.take() else { return };
        if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            // A payload whose drop panics may panic with another such payload, without end.
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

/// Runs user code and catches its panic.
///
/// # Errors
/// What it panicked with.
#[inline]
pub fn caught<R>(run: impl FnOnce() -> R) -> Result<R, PanicPayload> {
    catch_unwind(AssertUnwindSafe(run)).map_err(PanicPayload::new)
}

/// Runs user code, or drops a value of the user's, and drops what it panics with.
#[inline]
pub fn contained(run: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        drop(PanicPayload::new(payload));
    }
}

//! Emitting payloads of one type.

use std::any::Any;
use std::fmt;

use soiree_core::PayloadRef;
use soiree_engine::{Emission, EmitError, Report, Soiree};

use super::TypedTopic;

/// An event of a [`TypedTopic`] was rejected. Its payload comes back.
///
/// ```
/// use soiree::{EventPool, TypedTopic};
///
/// const COUNTED: TypedTopic<Box<u64>> = TypedTopic::new("user.counted");
/// let soiree = EventPool::new();
/// soiree.close()?;
/// let rejected = COUNTED.emit(&soiree, Box::new(7)).unwrap_err();
/// let seven: Box<u64> = rejected.into_payload().expect("no observer has kept it");
/// # assert_eq!(*seven, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedEmitError<T> {
    error: EmitError,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T: Any + Send + Sync> TypedEmitError<T> {
    pub(crate) fn new(error: EmitError) -> Self {
        Self {
            error,
            of: std::marker::PhantomData,
        }
    }

    /// Why the event was rejected.
    pub fn error(&self) -> &EmitError {
        &self.error
    }

    /// Whether there is no room for the event just now. See [`EmitError::is_full`].
    pub fn is_full(&self) -> bool {
        self.error.is_full()
    }

    /// The payload.
    ///
    /// # Errors
    /// A handle to the payload, if an observer has kept one.
    ///
    /// # Panics
    /// Never: the payload was made of a `T`.
    pub fn into_payload(self) -> Result<T, PayloadRef<T>> {
        let mut payload = Some(self.error.into_payload());
        // With `T = Payload`, the topic carries any type.
        if let Some(same) = (&mut payload as &mut dyn Any).downcast_mut::<Option<T>>() {
            return Ok(same.take().expect("it was just set"));
        }
        payload
            .take()
            .expect("it was just set")
            .downcast()
            .map_err(|payload| payload.get().expect("the payload was made of a `T`"))
    }
}

impl<T> From<TypedEmitError<T>> for EmitError {
    fn from(rejected: TypedEmitError<T>) -> Self {
        rejected.error
    }
}

impl<T> std::error::Error for TypedEmitError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl<T> fmt::Display for TypedEmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> fmt::Debug for TypedEmitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// # Emitting
impl<T: Any + Send + Sync> TypedTopic<T> {
    /// Emits a payload; the pool calls the listeners. Blocks and fails as [`EventPool::emit`](crate::EventPool::emit) does.
    ///
    /// # Errors
    /// If the `EventPool` is closed, or the pool or an order by key rejects the emission. The error returns the payload.
    pub fn emit(&self, soiree: &dyn Soiree, payload: T) -> Result<Emission, TypedEmitError<T>> {
        let emitted = soiree.emit(self.name(), payload);
        emitted.map_err(TypedEmitError::new)
    }

    /// Emits a payload in async code: waits for a place without holding a thread. See
    /// [`EventPool::emit_async`](crate::EventPool::emit_async).
    ///
    /// # Errors
    /// As [`emit`](TypedTopic::emit).
    pub async fn emit_async(
        &self,
        soiree: &dyn Soiree,
        payload: T,
    ) -> Result<Emission, TypedEmitError<T>> {
        let emitted = soiree.emit_async(self.name(), payload).await;
        emitted.map_err(TypedEmitError::new)
    }

    /// Emits a payload if there is a place for it now. See [`EventPool::try_emit`](crate::EventPool::try_emit).
    ///
    /// # Errors
    /// As [`emit`](TypedTopic::emit), and if there is no place.
    pub fn try_emit(&self, soiree: &dyn Soiree, payload: T) -> Result<Emission, TypedEmitError<T>> {
        let emitted = soiree.try_emit(self.name(), payload);
        emitted.map_err(TypedEmitError::new)
    }

    /// Emits a payload and calls the listeners on the calling thread. See [`EventPool::emit_sync`](crate::EventPool::emit_sync).
    ///
    /// # Errors
    /// If the `EventPool` is closed, or an order by key rejects the emission. The error returns the payload.
    pub fn emit_sync(&self, soiree: &dyn Soiree, payload: T) -> Result<Report, TypedEmitError<T>> {
        let emitted = soiree.emit_sync(self.name(), payload);
        emitted.map_err(TypedEmitError::new)
    }
}

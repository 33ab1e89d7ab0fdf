//! What an event carries.

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Something that carries a value of a type known only at run time.
///
/// Implemented by whatever holds the payload, so that event and payload can share one allocation.
pub trait Carrier: Send + Sync {
    /// The value.
    fn value(&self) -> &(dyn Any + Send + Sync);

    /// The name of the value's type, for messages and logs.
    fn type_name(&self) -> &'static str;
}

/// A cheap, shared handle to a value of any type.
///
/// Cloning it does not clone the value. `Debug` shows the type's name and never the value, so that logs do not leak it.
///
/// ```
/// use soiree_core::Payload;
/// let payload = Payload::new(String::from("Matty Ice"));
/// assert_eq!(payload.downcast_ref::<String>().unwrap(), "Matty Ice");
/// assert!(payload.downcast_ref::<u64>().is_none());
/// assert!(!format!("{payload:?}").contains("Matty"));
/// ```
#[derive(Clone)]
pub struct Payload(Arc<dyn Carrier>);

/// A payload known to be a `T`. Dereferences to it, and keeps it alive.
pub struct PayloadRef<T> {
    payload: Payload,
    of: PhantomData<fn() -> T>,
}

/// Carries a value of its own; one that is itself a [`Payload`] as what it holds.
pub struct ValueCarrier<T>(pub T);

impl Payload {
    /// Wraps a value. A value that is itself a `Payload` is not wrapped again.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        match (&value as &dyn Any).downcast_ref::<Self>() {
            Some(payload) => payload.clone(),
            None => Self(Arc::new(ValueCarrier(value))),
        }
    }

    /// Wraps what already lives in an allocation of its own.
    pub fn from_carrier(carrier: Arc<dyn Carrier>) -> Self {
        Self(carrier)
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.value().downcast_ref()
    }

    /// The payload as a `T` that keeps it alive, if it is one.
    pub fn get<T: Any>(&self) -> Option<PayloadRef<T>> {
        self.is::<T>().then(|| PayloadRef {
            payload: self.clone(),
            of: PhantomData,
        })
    }

    /// Whether the value is a `T`.
    pub fn is<T: Any>(&self) -> bool {
        self.value().is::<T>()
    }

    /// The value, its type unknown.
    pub fn value(&self) -> &(dyn Any + Send + Sync) {
        self.0.value()
    }

    /// The name of the value's type.
    pub fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

impl<T: Any + Send + Sync> Carrier for ValueCarrier<T> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        // An emitted `Payload` is handed on as what it holds.
        match (&self.0 as &dyn Any).downcast_ref::<Payload>() {
            Some(payload) => payload.value(),
            None => &self.0,
        }
    }

    fn type_name(&self) -> &'static str {
        match (&self.0 as &dyn Any).downcast_ref::<Payload>() {
            Some(payload) => payload.type_name(),
            None => type_name::<T>(),
        }
    }
}

impl<T: Any> Deref for PayloadRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.payload
            .downcast_ref()
            .expect("the type was checked when this was made")
    }
}

impl<T> Clone for PayloadRef<T> {
    fn clone(&self) -> Self {
        Self {
            payload: self.payload.clone(),
            of: PhantomData,
        }
    }
}

impl<T: Any + fmt::Debug> fmt::Debug for PayloadRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Payload").field(&self.type_name()).finish()
    }
}

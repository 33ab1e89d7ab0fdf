//! The payload of an event.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::panic::Contained;

/// Holds a value whose type is known only at run time.
///
/// Implement it for a type that holds a payload among other things, so that all share one allocation.
pub trait Carrier: Send + Sync {
    /// The value. Always returns the same one.
    fn value(&self) -> &(dyn Any + Send + Sync);

    /// The name of the value's type, for messages and logs.
    fn type_name(&self) -> &'static str;

    /// The payload that it carries, if the value is that of another payload. `None` by default.
    ///
    /// Handles are then made to that payload. Handles to the carrier instead would nest one deeper each time a payload is emitted,
    /// comes back and is emitted again, and each layer would keep its carrier alive.
    fn carried_payload(&self) -> Option<&Payload> {
        None
    }

    /// Takes the value out, if this is the only handle to the carrier. Returns the carrier otherwise.
    fn into_value(self: Arc<Self>) -> Result<Box<dyn Any + Send + Sync>, Arc<dyn Carrier>>;
}

/// A shared handle to a value of any type.
///
/// Cloning the handle is cheap and does not clone the value. The value is dropped with its last handle. `Debug` prints the name
/// of the type and never the value, so that logs do not leak it.
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

/// A handle to a payload that is a `T`. Dereferences to the value, and keeps it alive.
pub struct PayloadRef<T> {
    payload: Payload,
    of: PhantomData<fn() -> T>,
}

/// The payload of an event, seen as a `T`. Dereferences to the value, and borrows the event.
///
/// Reading a payload through it takes no lock and counts no handle, unless the payload was replaced. To keep the payload for longer
/// than the listener runs, take a handle: `event.payload().get::<T>()`.
pub struct PayloadView<'a, T>(Seen<'a, T>);

enum Seen<'a, T> {
    InPlace(&'a T),
    Through(PayloadRef<T>),
}

/// The [`Carrier`] of a plain value. If the value is a [`Payload`], carries the value inside that.
///
/// Dropping it never panics, even if the value's `Drop` does.
pub struct ValueCarrier<T>(Contained<T>);

impl<T> ValueCarrier<T> {
    /// Carries a value.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(Contained::new(value))
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl Payload {
    /// Moves a value behind a handle (one allocation). A value that is a `Payload` is returned as it is.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        let carrier = ValueCarrier::new(value);
        match carrier.carried_payload() {
            Some(payload) => payload.clone(),
            None => Self(Arc::new(carrier)),
        }
    }

    /// A handle to the value of a carrier, without an allocation. If the carrier [carries a payload](Carrier::carried_payload), returns
    /// that one, and does not keep the carrier alive.
    pub fn from_carrier(carrier: Arc<dyn Carrier>) -> Self {
        match carrier.carried_payload() {
            Some(payload) => payload.clone(),
            None => Self(carrier),
        }
    }

    /// The value, or `None` if it is not a `T`.
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.value().downcast_ref()
    }

    /// A handle that dereferences to a `T`, or `None` if the value is not a `T`. With `T = Payload`, it dereferences to this handle,
    /// whatever the value is.
    pub fn get<T: Any>(&self) -> Option<PayloadRef<T>> {
        let is_any = TypeId::of::<T>() == TypeId::of::<Self>();
        (is_any || self.is::<T>()).then(|| PayloadRef {
            payload: self.clone(),
            of: PhantomData,
        })
    }

    /// Takes the value out, if it is a `T` and this is the only handle to it. With other handles, look at it through
    /// [`downcast_ref`](Self::downcast_ref), or keep it by [`get`](Self::get).
    ///
    /// # Errors
    /// The handle, otherwise.
    ///
    /// ```
    /// use soiree_core::Payload;
    /// let payload = Payload::new(String::from("Matty Ice"));
    /// let other = payload.clone();
    /// let payload = payload.downcast::<String>().expect_err("there is another handle");
    /// drop(other);
    /// assert_eq!(payload.downcast::<String>().unwrap(), "Matty Ice");
    /// ```
    #[doc(alias("into_inner", "try_unwrap"))]
    pub fn downcast<T: Any + Send + Sync>(self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        let value = self.0.into_value().map_err(Self)?;
        value.downcast().map(|value| *value).map_err(Self::new)
    }

    /// Whether the value is a `T`.
    pub fn is<T: Any>(&self) -> bool {
        self.value().is::<T>()
    }

    /// The value.
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
        match self.carried_payload() {
            Some(payload) => payload.value(),
            None => &*self.0,
        }
    }

    fn type_name(&self) -> &'static str {
        match self.carried_payload() {
            Some(payload) => payload.type_name(),
            None => type_name::<T>(),
        }
    }

    fn carried_payload(&self) -> Option<&Payload> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    fn into_value(self: Arc<Self>) -> Result<Box<dyn Any + Send + Sync>, Arc<dyn Carrier>> {
        match Arc::try_unwrap(self) {
            Ok(carrier) => Ok(Box::new(carrier.into_inner())),
            Err(shared) => Err(shared),
        }
    }
}

impl<T: Any> Deref for PayloadRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let any: &dyn Any = &self.payload;
        let found = any.downcast_ref().or_else(|| self.payload.downcast_ref());
        found.expect("the type was checked when this was made")
    }
}

impl<'a, T: Any> PayloadView<'a, T> {
    #[inline]
    pub(crate) fn in_place(value: &'a T) -> Self {
        Self(Seen::InPlace(value))
    }

    pub(crate) fn through(handle: PayloadRef<T>) -> Self {
        Self(Seen::Through(handle))
    }
}

impl<T: Any> Deref for PayloadView<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Seen::InPlace(value) => value,
            Seen::Through(handle) => handle,
        }
    }
}

impl<T: Any + fmt::Debug> fmt::Debug for PayloadView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
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

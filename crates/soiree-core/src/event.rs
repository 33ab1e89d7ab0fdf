//! Events.

use std::any::Any;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::payload::{Payload, PayloadRef};
use crate::properties::Properties;

/// Something that happened, as its listeners see it.
///
/// Every method takes `&self`: listeners of one emission are called one after another with the same event, and what one
/// of them sets, the next one reads.
pub trait Event: Send + Sync {
    /// Tells this event from every other.
    fn id(&self) -> EventId;

    /// Its ID, if it has been made already; to make one reads the clock and a random number generator.
    ///
    /// `None` unless it is overridden.
    fn known_id(&self) -> Option<EventId> {
        None
    }

    /// The topic it was emitted on.
    fn topic(&self) -> &str;

    /// What it carries.
    fn payload(&self) -> Payload;

    /// What it carries, if that can be lent: whoever only looks at it is spared a handle.
    ///
    /// `None` unless it is overridden, and if it has been replaced. See `with_payload`, which makes do
    /// with a handle then.
    fn lend_payload(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    /// Replaces what it carries, for the listeners that come after.
    fn set_payload(&self, payload: Payload);

    /// Its properties, as they are now.
    fn properties(&self) -> Properties;

    /// Replaces its properties.
    fn set_properties(&self, properties: Properties);

    /// Whether the remaining listeners are to be skipped.
    fn is_aborted(&self) -> bool;

    /// With `true`, every listener that has not started is skipped. With `false`, that is taken back.
    fn set_aborted(&self, aborted: bool);

    /// Which attempt of the listener this is, counted from 1. More than 1 only for a listener that is
    /// [called again](crate::ListenerOptions::retry).
    fn attempt(&self) -> u32 {
        1
    }
}

impl dyn Event + '_ {
    /// Shows the payload, if it is a `T`. Faster than `payload_as`, which keeps it alive for longer than the
    /// event.
    ///
    /// What `see` replaces meanwhile, it still sees itself as it was.
    ///
    /// ```
    /// use soiree_core::{BaseEvent, Event};
    /// let event = BaseEvent::new("user.created", String::from("Matty Ice"));
    /// let event: &dyn Event = &event;
    /// assert_eq!(event.with_payload(String::len), Some(9));
    /// assert_eq!(event.with_payload(|number: &u64| *number), None);
    /// ```
    pub fn with_payload<T: Any, R>(&self, see: impl FnOnce(&T) -> R) -> Option<R> {
        match self.lend_payload() {
            Some(payload) => payload.downcast_ref().map(see),
            None => self.payload().downcast_ref().map(see),
        }
    }

    /// The payload, if it is a `T`.
    ///
    /// ```
    /// use soiree_core::{BaseEvent, Event};
    /// let event = BaseEvent::new("user.created", String::from("Matty Ice"));
    /// let event: &dyn Event = &event;
    /// assert_eq!(event.payload_as::<String>().unwrap().len(), 9);
    /// assert!(event.payload_as::<u64>().is_none());
    /// ```
    pub fn payload_as<T: Any>(&self) -> Option<PayloadRef<T>> {
        self.payload().get()
    }
}

impl fmt::Debug for dyn Event + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("topic", &self.topic())
            .field("payload", &self.payload())
            .finish_non_exhaustive()
    }
}

/// 128 bits that name an event: a ULID unless you choose otherwise. A UUID fits as well.
///
/// ```
/// use soiree_core::EventId;
/// let id = EventId::new();
/// assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);

/// The text is not the 26 characters of an [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event ID: {0}")]
pub struct InvalidEventId(ulid::DecodeError);

impl EventId {
    /// A fresh ULID. Reads the clock and a random number generator.
    #[expect(
        clippy::new_without_default,
        reason = "a default that differs each time surprises"
    )]
    pub fn new() -> Self {
        Self(ulid::Ulid::new().0)
    }
}

impl From<u128> for EventId {
    fn from(bits: u128) -> Self {
        Self(bits)
    }
}

impl From<EventId> for u128 {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ulid::Ulid(self.0).fmt(f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        ulid::Ulid::from_string(text)
            .map(|id| Self(id.0))
            .map_err(InvalidEventId)
    }
}

/// The everyday [`Event`].
///
/// ```
/// use soiree_core::{BaseEvent, Event, Value};
/// let event = BaseEvent::new("user.created", 7_u64).with_property("source", "import");
/// assert_eq!(event.topic(), "user.created");
/// assert_eq!(event.properties().get("source"), Some(&Value::from("import")));
/// ```
pub struct BaseEvent {
    id: OnceLock<EventId>,
    topic: Box<str>,
    payload: Mutex<Payload>,
    properties: Mutex<Properties>,
    aborted: AtomicBool,
}

impl BaseEvent {
    /// An event on `topic`, whose name is checked when it is emitted.
    pub fn new<T: Any + Send + Sync>(topic: impl Into<Box<str>>, payload: T) -> Self {
        Self {
            id: OnceLock::new(),
            topic: topic.into(),
            payload: Mutex::new(Payload::new(payload)),
            properties: Mutex::default(),
            aborted: AtomicBool::new(false),
        }
    }

    /// The payload, if it is a `T`.
    pub fn payload_as<T: Any>(&self) -> Option<PayloadRef<T>> {
        self.payload().get()
    }

    /// With an ID of your own.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = OnceLock::from(id.into());
        self
    }

    /// With one more property.
    #[must_use]
    pub fn with_property(
        mut self,
        name: impl Into<String>,
        value: impl Into<crate::properties::Value>,
    ) -> Self {
        self.properties
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, value);
        self
    }

    /// With these properties.
    #[must_use]
    pub fn with_properties(mut self, properties: Properties) -> Self {
        self.properties = Mutex::new(properties);
        self
    }
}

impl Event for BaseEvent {
    fn id(&self) -> EventId {
        *self.id.get_or_init(EventId::new)
    }

    fn known_id(&self) -> Option<EventId> {
        self.id.get().copied()
    }

    fn topic(&self) -> &str {
        &self.topic
    }

    fn payload(&self) -> Payload {
        self.payload
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_payload(&self, payload: Payload) {
        // The old payload is dropped after the lock: its `Drop` is user code.
        let _old = std::mem::replace(
            &mut *self.payload.lock().unwrap_or_else(PoisonError::into_inner),
            payload,
        );
    }

    fn properties(&self) -> Properties {
        self.properties
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_properties(&self, properties: Properties) {
        *self
            .properties
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = properties;
    }

    fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    fn set_aborted(&self, aborted: bool) {
        self.aborted.store(aborted, Ordering::Release);
    }
}

impl<E: Event + ?Sized> Event for Arc<E> {
    fn id(&self) -> EventId {
        (**self).id()
    }

    fn known_id(&self) -> Option<EventId> {
        (**self).known_id()
    }

    fn topic(&self) -> &str {
        (**self).topic()
    }

    fn payload(&self) -> Payload {
        (**self).payload()
    }

    fn lend_payload(&self) -> Option<&(dyn Any + Send + Sync)> {
        (**self).lend_payload()
    }

    fn set_payload(&self, payload: Payload) {
        (**self).set_payload(payload);
    }

    fn properties(&self) -> Properties {
        (**self).properties()
    }

    fn set_properties(&self, properties: Properties) {
        (**self).set_properties(properties);
    }

    fn is_aborted(&self) -> bool {
        (**self).is_aborted()
    }

    fn set_aborted(&self, aborted: bool) {
        (**self).set_aborted(aborted);
    }

    fn attempt(&self) -> u32 {
        (**self).attempt()
    }
}

impl fmt::Debug for BaseEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self as &dyn Event).fmt(f)
    }
}

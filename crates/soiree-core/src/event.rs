//! Events.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::event_id::EventId;
use crate::payload::{Payload, PayloadRef, PayloadView};
use crate::properties::Properties;

/// Something that happened, as listeners see it.
///
/// Most programs emit a payload, or a [`BaseEvent`]. Implement this trait to emit a type of your own.
///
/// - Listeners of one emission are called one after another with the same event. What one of them sets, the next one reads.
/// - All methods take `&self`, so an implementation keeps what can be set behind a lock or an atomic.
/// - Methods may be called by several threads at the same time. They should not block.
///
/// ```
/// use soiree_core::{BaseEvent, Event, Payload};
///
/// fn redact(event: &dyn Event) {
///     event.set_payload(Payload::new(String::from("***")));
/// }
///
/// let event = BaseEvent::new("user.created", String::from("Matty Ice"));
/// redact(&event);
/// assert_eq!(*event.payload_as::<String>().unwrap(), "***");
/// ```
pub trait Event: Send + Sync {
    /// The event's ID, which no other event has. Always returns the same ID.
    fn id(&self) -> EventId;

    /// The event's ID if it exists already. `None` by default.
    ///
    /// Unlike [`id`](Event::id), this never creates one, which would read the clock and a random number generator.
    fn known_id(&self) -> Option<EventId> {
        None
    }

    /// The topic that the event was emitted on.
    fn topic(&self) -> &str;

    /// A handle to the payload.
    fn payload(&self) -> Payload;

    /// A reference to the payload, which is cheaper than a handle. `None` by default.
    ///
    /// Return `None` once the payload has been replaced. `payload_as` and `with_payload` then use [`payload`](Event::payload) instead.
    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }

    /// Replaces the payload, for the listeners that are called later. Existing handles keep the old one.
    ///
    /// The new payload may hold the old one. If the event was emitted as a payload, the new one is dropped when the emission ends. If the
    /// event is held for longer, as async listeners may do, it shows the original payload from then on, and this has no effect.
    fn set_payload(&self, payload: Payload);

    /// A copy of the properties.
    fn properties(&self) -> Properties;

    /// Replaces all properties, for the listeners that are called later.
    fn set_properties(&self, properties: Properties);

    /// Whether the event is aborted, and listeners that have not started are skipped.
    fn is_aborted(&self) -> bool;

    /// Aborts the event (`true`): listeners that have not started are skipped. `false` undoes that.
    fn set_aborted(&self, aborted: bool);

    /// Why the event was aborted, if the listener that did so has said it. `None` by default.
    fn abort_reason(&self) -> Option<Arc<str>> {
        None
    }

    /// Sets why the event is aborted. By default it does nothing: the event keeps no reason.
    fn set_abort_reason(&self, reason: Arc<str>) {
        let _ = reason;
    }

    /// The number of the attempt, as seen by a listener with a [retry](crate::ListenerOptions::retry). The first attempt is 1.
    fn attempt(&self) -> u32 {
        1
    }

    /// The event to emit in place of this one, if this one belongs to an emission. `None` by default.
    ///
    /// The event that an async listener gets belongs to the emission that it was called by. If it is emitted again, a copy is emitted. So
    /// an event that is emitted again and again does not keep all those emissions alive.
    fn detached(&self) -> Option<Arc<dyn Event>> {
        None
    }

    /// A copy for those that keep the event for longer than its emission lasts, such as inboxes, if that is cheaper than to copy its
    /// parts. `None` by default.
    ///
    /// It has the same ID, and is changed apart from the event and from other copies.
    fn keep(&self) -> Option<Arc<dyn Event>> {
        None
    }
}

impl dyn Event + '_ {
    /// Calls `see` with the payload and returns its result. Returns `None` without calling it if the payload is not a `T`.
    ///
    /// If `see` replaces the payload, it still sees the old one.
    ///
    /// ```
    /// use soiree_core::{BaseEvent, Event};
    /// let event = BaseEvent::new("user.created", String::from("Matty Ice"));
    /// let event: &dyn Event = &event;
    /// assert_eq!(event.with_payload(String::len), Some(9));
    /// assert_eq!(event.with_payload(|number: &u64| *number), None);
    /// ```
    #[inline]
    pub fn with_payload<T: Any, R>(&self, see: impl FnOnce(&T) -> R) -> Option<R> {
        match self.payload_ref() {
            Some(payload) => payload.downcast_ref().map(see),
            None => self.with_replaced_payload(see),
        }
    }

    /// Apart, so that the code of a listener which reads the payload has no handle to drop.
    #[cold]
    #[inline(never)]
    fn with_replaced_payload<T: Any, R>(&self, see: impl FnOnce(&T) -> R) -> Option<R> {
        self.payload().downcast_ref().map(see)
    }

    /// Aborts the event, and says why: listeners that have not started are skipped. The report names the reason and the listener.
    ///
    /// ```
    /// use soiree_core::{BaseEvent, Event};
    /// let event = BaseEvent::new("order.placed", 17_u64);
    /// let event: &dyn Event = &event;
    /// event.abort("out of stock");
    /// assert!(event.is_aborted());
    /// assert_eq!(event.abort_reason().as_deref(), Some("out of stock"));
    /// ```
    pub fn abort(&self, reason: impl Into<Arc<str>>) {
        self.set_abort_reason(reason.into());
        self.set_aborted(true);
    }

    /// The payload, or `None` if it is not a `T`. Borrows the event. To keep the payload for longer, take a handle:
    /// `event.payload().get::<T>()`.
    ///
    /// With `T = Payload`, it is a handle to the payload, whatever its type.
    ///
    /// ```
    /// use soiree_core::{BaseEvent, Event};
    /// let event = BaseEvent::new("user.created", String::from("Matty Ice"));
    /// let event: &dyn Event = &event;
    /// assert_eq!(event.payload_as::<String>().unwrap().len(), 9);
    /// assert!(event.payload_as::<u64>().is_none());
    /// ```
    #[inline]
    pub fn payload_as<T: Any>(&self) -> Option<PayloadView<'_, T>> {
        let wants_handle = TypeId::of::<T>() == TypeId::of::<Payload>();
        match self.payload_ref() {
            Some(payload) if !wants_handle => payload.downcast_ref().map(PayloadView::in_place),
            _ => self.handle_to_payload(),
        }
    }

    #[cold]
    #[inline(never)]
    fn handle_to_payload<T: Any>(&self) -> Option<PayloadView<'_, T>> {
        self.payload().get().map(PayloadView::through)
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

/// The [`Event`] for all ordinary purposes.
///
/// Its ID is created the first time it is read. Setters take a lock for a moment.
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
    abort_reason: Mutex<Option<Arc<str>>>,
    attempt: u32,
}

impl BaseEvent {
    /// An event on `topic`. The topic is checked when the event is emitted.
    #[doc(alias = "NewBaseEvent")]
    pub fn new<T: Any + Send + Sync>(topic: impl Into<Box<str>>, payload: T) -> Self {
        Self {
            id: OnceLock::new(),
            topic: topic.into(),
            payload: Mutex::new(Payload::new(payload)),
            properties: Mutex::default(),
            aborted: AtomicBool::new(false),
            abort_reason: Mutex::default(),
            attempt: 1,
        }
    }

    /// A handle to the payload, or `None` if the payload is not a `T`.
    pub fn payload_as<T: Any>(&self) -> Option<PayloadRef<T>> {
        self.payload().get()
    }

    /// Sets the ID.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<EventId>) -> Self {
        self.id = OnceLock::from(id.into());
        self
    }

    /// Sets one property.
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

    /// Says which [attempt](Event::attempt) this is, for code that calls a listener again. The first one is 1.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Replaces all properties.
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
        // Dropped after the lock is released: its `Drop` is user code.
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

    fn abort_reason(&self) -> Option<Arc<str>> {
        self.abort_reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        *self
            .abort_reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    fn attempt(&self) -> u32 {
        self.attempt
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

    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        (**self).payload_ref()
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

    fn abort_reason(&self) -> Option<Arc<str>> {
        (**self).abort_reason()
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        (**self).set_abort_reason(reason);
    }

    fn attempt(&self) -> u32 {
        (**self).attempt()
    }

    fn detached(&self) -> Option<Arc<dyn Event>> {
        (**self).detached()
    }

    fn keep(&self) -> Option<Arc<dyn Event>> {
        (**self).keep()
    }
}

impl fmt::Debug for BaseEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self as &dyn Event).fmt(f)
    }
}

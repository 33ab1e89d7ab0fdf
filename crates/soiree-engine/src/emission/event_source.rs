//! What an emission carries, and the event that its listeners see.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use once_cell::race::OnceBox;
use soiree_core::panic::{Contained, contained};
use soiree_core::{Event, EventId, Payload, Properties, ValueCarrier};

use crate::running;

/// A payload without an event of its own. Listeners see it through an [`EventView`].
pub(crate) struct PayloadEvent<T>(pub(crate) ValueCarrier<T>);

/// An event of the user's own type.
pub(crate) struct CustomEvent<E>(pub(crate) Contained<E>);

impl<T> PayloadEvent<T> {
    #[inline]
    pub(crate) fn new(payload: T) -> Self {
        Self(ValueCarrier::new(payload))
    }
}

/// What an event has besides topic and payload. Costs nothing until it is set.
#[derive(Default)]
pub(crate) struct Attributes {
    aborted: AtomicBool,
    /// Somebody may hold the event for longer than the emission lasts.
    kept: AtomicBool,
    /// The emission has ended, and the event has its original payload for good.
    released: AtomicBool,
    cold: OnceBox<Cold>,
}

#[derive(Default)]
struct Cold {
    id: OnceLock<EventId>,
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    payload: Option<Payload>,
    properties: Properties,
    abort_reason: Option<Arc<str>>,
}

/// Where an event has handles to its payload from.
pub(crate) trait PayloadSource: Send + Sync {
    fn payload(&self) -> Payload;

    /// Where the ID of the event is, if copies find it there.
    fn id_cell(&self) -> Option<&OnceLock<EventId>> {
        None
    }

    /// A copy of the event as it was emitted, if it finds the ID.
    fn copy(&self, topic: &str) -> Option<Arc<dyn Event>> {
        let _ = topic;
        None
    }
}

/// An event whose payload lives elsewhere.
pub(crate) struct EventView<'a, S> {
    pub(crate) topic: &'a str,
    pub(crate) attributes: &'a Attributes,
    /// The payload. Looked up once for all listeners.
    pub(crate) value: &'a (dyn Any + Send + Sync),
    pub(crate) source: &'a S,
}

impl Attributes {
    fn cold(&self) -> &Cold {
        self.cold.get_or_init(Box::default)
    }

    /// Stands for the event where what runs is listed.
    #[inline]
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    #[inline]
    pub(super) fn may_have_id(&self) -> bool {
        self.cold.get().is_some()
    }

    pub(super) fn known_id(&self) -> Option<EventId> {
        self.cold.get()?.id.get().copied()
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        let changes = self.cold().changes.lock();
        changes.unwrap_or_else(PoisonError::into_inner)
    }

    fn changes_if_any(&self) -> Option<MutexGuard<'_, Changes>> {
        self.cold.get().map(|_| self.changes())
    }

    pub(super) fn is_payload_replaced(&self) -> bool {
        let changes = self.changes_if_any();
        changes.is_some_and(|changes| changes.payload.is_some())
    }

    fn set_payload(&self, payload: Payload) {
        let old = self.changes().payload.replace(payload);
        // Not under the lock: its `Drop` is user code.
        drop(old);
        // Pairs with the one in `release`: either this thread sees that the emission has ended, or the other one sees the payload.
        fence(Ordering::SeqCst);
        if self.released.load(Ordering::Relaxed) {
            self.drop_payload();
        }
    }

    /// The event may be held for longer than the emission lasts. To be called by a part of the emission.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// The emission ends. A payload that a listener has set may hold the original one, and so the emission: it must not be held by the
    /// emission in turn.
    #[inline]
    pub(super) fn release(&self) {
        if self.cold.get().is_some() || self.kept.load(Ordering::Relaxed) {
            self.release_cold();
        }
    }

    #[cold]
    fn release_cold(&self) {
        self.released.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.drop_payload();
    }

    fn drop_payload(&self) {
        let changes = self.changes_if_any();
        let replaced = changes.and_then(|mut changes| changes.payload.take());
        contained(move || drop(replaced));
    }
}

impl<S: PayloadSource> EventView<'_, S> {
    #[cold]
    #[inline(never)]
    fn payload_ref_after_change(&self) -> Option<&(dyn Any + Send + Sync)> {
        (!self.attributes.is_payload_replaced()).then_some(self.value)
    }
}

impl<S: PayloadSource> Event for EventView<'_, S> {
    fn id(&self) -> EventId {
        let cell = self.source.id_cell();
        let cell = cell.unwrap_or_else(|| &self.attributes.cold().id);
        *cell.get_or_init(|| {
            let id = EventId::new();
            running::set_id(self.attributes.address(), id);
            id
        })
    }

    fn known_id(&self) -> Option<EventId> {
        match self.source.id_cell() {
            Some(cell) => cell.get().copied(),
            None => self.attributes.known_id(),
        }
    }

    fn topic(&self) -> &str {
        self.topic
    }

    fn payload(&self) -> Payload {
        let changes = self.attributes.changes_if_any();
        let replaced = changes.and_then(|changes| changes.payload.clone());
        replaced.unwrap_or_else(|| self.source.payload())
    }

    // Listeners call it more than anything else: what is rare is one call at its end.
    fn payload_ref(&self) -> Option<&(dyn Any + Send + Sync)> {
        if self.attributes.cold.get().is_some() {
            return self.payload_ref_after_change();
        }
        Some(self.value)
    }

    fn set_payload(&self, payload: Payload) {
        self.attributes.set_payload(payload);
    }

    fn properties(&self) -> Properties {
        let changes = self.attributes.changes_if_any();
        changes.map_or_else(Properties::new, |changes| changes.properties.clone())
    }

    fn set_properties(&self, properties: Properties) {
        self.attributes.changes().properties = properties;
    }

    fn is_aborted(&self) -> bool {
        self.attributes.aborted.load(Ordering::Acquire)
    }

    fn set_aborted(&self, aborted: bool) {
        self.attributes.aborted.store(aborted, Ordering::Release);
    }

    fn abort_reason(&self) -> Option<Arc<str>> {
        let changes = self.attributes.changes_if_any();
        changes.and_then(|changes| changes.abort_reason.clone())
    }

    fn set_abort_reason(&self, reason: Arc<str>) {
        self.attributes.changes().abort_reason = Some(reason);
    }

    fn keep(&self) -> Option<Arc<dyn Event>> {
        match self.attributes.cold.get() {
            None => self.source.copy(self.topic),
            // It may not be as it was emitted.
            Some(_) => None,
        }
    }
}

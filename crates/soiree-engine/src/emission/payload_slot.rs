//! Where `emit_sync` puts a payload: into an allocation that its thread uses again.

use std::any::{Any, TypeId, type_name};
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::mem::needs_drop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use soiree_core::panic::contained;
use soiree_core::{Carrier, Event, EventId, Payload};
use triomphe::Arc as SlotArc;

use super::event_source::PayloadSource;
use super::kept_event::{IdCarrier, KeptEvent};

/// How many allocations each thread keeps for later. A type has always the same place among them.
const SPARES: usize = 8;

/// Larger payloads are allocated each time, since threads should not keep much.
const LARGEST: usize = 1024;

thread_local! {
    static SPARE: [Cell<Option<Box<dyn Any>>>; SPARES] = const { [const { Cell::new(None) }; SPARES] };
}

/// A payload that listeners read where it is, and that any of them may keep.
///
/// One reads it while others hold references to it. So it stays where it is from the first read on. A fresh allocation for each would
/// cost as much as all else that `emit_sync` does.
pub(crate) struct PayloadSlot<T>(Box<Allocation<T>>);

struct Allocation<T> {
    slot: SlotArc<Slot<T>>,
    /// Made when a listener asks for the first one.
    handle: OnceLock<Payload>,
    /// Where the payload is if the last one of its type was kept: what keeps it then is one allocation, and not a handle to another.
    carrier: Option<Arc<IdCarrier<T>>>,
    was_kept: bool,
    /// A copy of the event was made.
    is_copied: AtomicBool,
}

/// `None` while no emission uses it.
struct Slot<T>(Option<T>);

/// What a handle to the payload holds.
struct KeptSlot<T>(SlotArc<Slot<T>>);

/// The place of a type among the spare allocations.
#[derive(Default)]
struct Place(u64);

impl<T: Any + Send + Sync> PayloadSlot<T> {
    #[inline]
    pub(crate) fn new(payload: T) -> Self {
        let Some(mut spare) = take_spare::<T>() else {
            return Self::allocate(payload);
        };
        if spare.was_kept {
            spare.carrier = Some(Arc::new(IdCarrier::new(payload)));
            return Self(spare);
        }
        match SlotArc::get_mut(&mut spare.slot) {
            Some(slot) => slot.0 = Some(payload),
            None => spare.slot = SlotArc::new(Slot(Some(payload))),
        }
        Self(spare)
    }

    #[cold]
    #[inline(never)]
    fn allocate(payload: T) -> Self {
        Self(Box::new(Allocation {
            slot: SlotArc::new(Slot(Some(payload))),
            handle: OnceLock::new(),
            carrier: None,
            is_copied: AtomicBool::new(false),
            was_kept: false,
        }))
    }

    /// The payload, where it stays.
    #[inline]
    pub(crate) fn value(&self) -> &(dyn Any + Send + Sync) {
        match &self.0.carrier {
            None => self.0.slot.value(),
            Some(carrier) => carrier.value(),
        }
    }

    /// Where an event has handles to it from.
    #[inline]
    pub(crate) fn source(&self) -> &impl PayloadSource {
        &*self.0
    }

    /// Drops the payload, unless somebody has kept it.
    #[inline(always)]
    pub(crate) fn release(self) {
        let mut allocation = self.0;
        drop(allocation.handle.take());
        match (&allocation.carrier, SlotArc::get_mut(&mut allocation.slot)) {
            (None, Some(free)) => free.clear(),
            _ => allocation.release_kept(),
        }
        keep_spare(allocation);
    }
}

impl<T> Allocation<T> {
    #[cold]
    #[inline(never)]
    fn release_kept(&mut self) {
        let is_copied = std::mem::take(self.is_copied.get_mut());
        match self.carrier.take() {
            // Who has a copy may have dropped it by now.
            Some(carrier) => self.was_kept = is_copied || Arc::strong_count(&carrier) > 1,
            None => {
                self.slot = SlotArc::new(Slot(None));
                self.was_kept = true;
            }
        }
    }
}

impl<T> Slot<T> {
    #[inline]
    fn clear(&mut self) {
        let payload = self.0.take();
        if needs_drop::<T>() {
            contained(move || drop(payload));
        }
    }
}

impl<T: Any + Send + Sync> Slot<T> {
    #[inline]
    fn payload(&self) -> Option<&Payload> {
        let payload: &dyn Any = self.0.as_ref()?;
        payload.downcast_ref()
    }

    #[inline]
    fn value(&self) -> &(dyn Any + Send + Sync) {
        match (self.payload(), &self.0) {
            (Some(payload), _) => payload.value(),
            (None, Some(value)) => value,
            (None, None) => &(),
        }
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T: Any + Send + Sync> PayloadSource for Allocation<T> {
    fn payload(&self) -> Payload {
        if let Some(carrier) = &self.carrier {
            return Payload::from_carrier(Arc::<IdCarrier<T>>::clone(carrier));
        }
        if let Some(payload) = self.slot.payload() {
            return payload.clone();
        }
        let keep = || Payload::from_carrier(Arc::new(KeptSlot(SlotArc::clone(&self.slot))));
        self.handle.get_or_init(keep).clone()
    }

    fn id_cell(&self) -> Option<&OnceLock<EventId>> {
        self.carrier.as_ref().map(|carrier| carrier.id_cell())
    }

    fn copy(&self, topic: &str) -> Option<Arc<dyn Event>> {
        let carrier = Arc::clone(self.carrier.as_ref()?);
        self.is_copied.store(true, Ordering::Relaxed);
        Some(Arc::new(KeptEvent::new(topic, carrier)))
    }
}

impl<T: Any + Send + Sync> Carrier for KeptSlot<T> {
    fn value(&self) -> &(dyn Any + Send + Sync) {
        self.0.value()
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn into_value(self: Arc<Self>) -> Result<Box<dyn Any + Send + Sync>, Arc<dyn Carrier>> {
        let Self(slot) = Arc::try_unwrap(self).map_err(|shared| shared as Arc<dyn Carrier>)?;
        match SlotArc::try_unwrap(slot) {
            Ok(mut slot) => match slot.0.take() {
                Some(payload) => Ok(Box::new(payload)),
                None => Ok(Box::new(())),
            },
            Err(slot) => Err(Arc::new(Self(slot))),
        }
    }
}

impl Hasher for Place {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[inline]
fn place<T: Any>() -> usize {
    let mut place = Place::default();
    TypeId::of::<T>().hash(&mut place);
    place.finish() as usize % SPARES
}

#[inline]
fn take_spare<T: Any>() -> Option<Box<Allocation<T>>> {
    if size_of::<T>() > LARGEST {
        return None;
    }
    // While a thread ends, its locals are gone.
    let spare = SPARE.try_with(|spare| spare[place::<T>()].take());
    spare.ok()??.downcast().ok()
}

#[inline(always)]
fn keep_spare<T: Any>(allocation: Box<Allocation<T>>) {
    if size_of::<T>() <= LARGEST {
        let kept = SPARE.try_with(|spare| spare[place::<T>()].replace(Some(allocation)));
        if let Ok(Some(other)) = kept {
            drop_spare(other);
        }
    }
}

/// Another one was kept in its place meanwhile.
#[cold]
#[inline(never)]
fn drop_spare(spare: Box<dyn Any>) {
    drop(spare);
}

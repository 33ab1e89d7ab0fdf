//! Looking at durable listeners and their events, and mending what failed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use soiree_core::EventId;
use soiree_core::store::{ParkedState, Position, StoreError};
use soiree_engine::{StoreInfo, StoreListenerInfo};

use crate::figures::StoreState;
use crate::info::{DeadEvent, DurableInfo, EventStatus};
use crate::outbox::Outbox;
use crate::signals::Command;

/// How many dead events [`Outbox::redrive_all`] takes at once.
const PAGE: usize = 500;

/// # Looking and mending
impl Outbox {
    /// The durable listeners: those subscribed here, and those that the store knows besides. By name. Blocks while the store is read.
    pub fn listeners(&self) -> Vec<DurableInfo> {
        let mut all: BTreeMap<Arc<str>, DurableInfo> = self
            .inner
            .listeners()
            .iter()
            .filter(|(_, subscription)| !subscription.is_removed)
            .map(|(name, subscription)| {
                let info = subscription.info.lock();
                let info = info.unwrap_or_else(PoisonError::into_inner);
                (Arc::clone(name), info.clone())
            })
            .collect();
        for known in self.inner.store.listeners().unwrap_or_default() {
            let name = Arc::clone(&known.name);
            let info = all.entry(name).or_insert_with(|| DurableInfo {
                name: known.name,
                pattern: known.pattern,
                is_orphan: true,
                ..DurableInfo::default()
            });
            info.dead_letters = known.dead;
            if let Some(subscription) = self.inner.listeners().get(&info.name) {
                // For when the store cannot be read.
                let shown = subscription.info.lock();
                shown.unwrap_or_else(PoisonError::into_inner).dead_letters = known.dead;
            }
            if !info.is_held {
                info.waiting = known.waiting;
                info.retrying = usize::try_from(known.parked).unwrap_or(usize::MAX);
                info.floor = known.floor;
            }
        }
        all.into_values().collect()
    }

    /// The store and its listeners, for a graph.
    pub(crate) fn store_info(&self) -> StoreInfo {
        let stats = self.stats();
        let mut info = StoreInfo::default();
        info.name = self.inner.store.name().into();
        info.events = stats.events;
        info.error = match stats.state {
            StoreState::Ok => None,
            StoreState::Failing(error)
            | StoreState::Unreadable(error)
            | StoreState::Failed(error) => Some(error.to_string().into()),
        };
        let listeners = self.listeners().into_iter().map(|durable| {
            let mut info = StoreListenerInfo::default();
            info.name = durable.name;
            info.is_orphan = durable.is_orphan;
            info.is_held = durable.is_held;
            info.waiting = durable.waiting + durable.in_flight as u64;
            info.parked = (durable.retrying + durable.behind + durable.suspects) as u64;
            info.dead = durable.dead_letters;
            info
        });
        info.listeners = listeners.collect();
        info
    }

    /// An event of the store, and how it stands with each listener. `None` if the store does not have it, or no longer. Blocks while it
    /// is read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn event(&self, id: EventId) -> Result<Option<EventStatus>, StoreError> {
        let Some(record) = self.inner.store.find(id)? else {
            return Ok(None);
        };
        let listeners = self.inner.store.states(record.position)?;
        Ok(Some(EventStatus { record, listeners }))
    }

    /// The dead events of a listener after a position, oldest first, at most `limit`. Blocks while they are read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn dead_letters(
        &self,
        listener: &str,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadEvent>, StoreError> {
        let store = &self.inner.store;
        let parked = store.parked(listener, Some(ParkedState::Dead), after, limit)?;
        let positions: Vec<Position> = parked.iter().map(|parked| parked.position).collect();
        let mut records = Vec::with_capacity(positions.len());
        store.fetch(&positions, &mut records)?;
        let mut parked = parked.into_iter().peekable();
        let dead = records.into_iter().filter_map(|record| {
            while parked.next_if(|p| p.position < record.position).is_some() {}
            let parked = parked.next_if(|p| p.position == record.position)?;
            Some(DeadEvent { record, parked })
        });
        Ok(dead.collect())
    }

    /// Tries a dead event again, with no attempt counted. Returns whether it was dead.
    ///
    /// # Errors
    /// If the store fails.
    pub fn redrive(&self, listener: &str, id: EventId) -> Result<bool, StoreError> {
        let Some(record) = self.inner.store.find(id)? else {
            return Ok(false);
        };
        Ok(self.redrive_at(listener, &[record.position])? > 0)
    }

    /// Tries the dead events of a listener again for which `choose` says so. Returns how many.
    ///
    /// # Errors
    /// If the store fails. Those before have been redriven.
    pub fn redrive_all(
        &self,
        listener: &str,
        mut choose: impl FnMut(&DeadEvent) -> bool,
    ) -> Result<usize, StoreError> {
        let (mut after, mut redriven) = (Position::START, 0);
        loop {
            let page = self.dead_letters(listener, after, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(redriven);
            };
            after = last.record.position;
            let chosen: Vec<Position> = page
                .iter()
                .filter(|dead| choose(dead))
                .map(|dead| dead.record.position)
                .collect();
            redriven += self.redrive_at(listener, &chosen)?;
        }
    }

    /// Ends a dead event without handling it. Returns whether it was dead.
    ///
    /// # Errors
    /// If the store fails.
    pub fn discard(&self, listener: &str, id: EventId) -> Result<bool, StoreError> {
        let Some(record) = self.inner.store.find(id)? else {
            return Ok(false);
        };
        let discarded = self.inner.store.discard(listener, &[record.position])?;
        if !discarded.is_empty() {
            self.inner.queue.sweep();
        }
        Ok(!discarded.is_empty())
    }

    /// Renames a listener that is an orphan, and keeps its progress: for a listener that was renamed in the program. Call it before the new
    /// name is subscribed. Returns `false` if there is no such listener, or one of the new name is known already: since a run before has
    /// subscribed it. [`remove_listener`](Outbox::remove_listener) removes that one, and what it has handled is handled again then.
    ///
    /// # Errors
    /// If the store fails, or a process delivers to the listener.
    pub fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        self.inner.store.rename_listener(old, new)
    }

    /// Removes a listener that is an orphan, and the events that only it has not handled. Returns whether there was one.
    ///
    /// # Errors
    /// If the store fails, or a process delivers to the listener.
    pub fn remove_listener(&self, name: &str) -> Result<bool, StoreError> {
        let removed = self.inner.store.remove_listener(name)?;
        if removed {
            // Nothing else may happen that leads to a sweep: the outbox may be full.
            self.inner.queue.sweep();
        }
        Ok(removed)
    }

    fn redrive_at(&self, listener: &str, at: &[Position]) -> Result<usize, StoreError> {
        let inner = &self.inner;
        let redriven = inner.store.redrive(listener, at, inner.clock.now())?;
        if let (Some(number), Some(first)) = (self.number_of(listener), redriven.iter().min()) {
            let before = Position(first.0.saturating_sub(1));
            self.inner.signals.send(Command::Redriven(number, before));
        }
        Ok(redriven.len())
    }

    fn number_of(&self, listener: &str) -> Option<u64> {
        let listeners = self.inner.listeners();
        Some(listeners.get(&Arc::<str>::from(listener))?.number)
    }
}

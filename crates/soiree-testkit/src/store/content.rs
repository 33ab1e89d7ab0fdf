//! What a `MemoryStore` holds, and what each call changes in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Marks, Millis, NewRecord, Parked, ParkedState,
    Position, Record, Size, StartFrom, StoreError, StoredListener, Term,
};

use super::progress::Listener;

pub(super) const NAME: &str = "a memory store";

pub(super) struct Content {
    pub(super) id: EventId,
    pub(super) last: Position,
    pub(super) max_events: Option<u64>,
    pub(super) max_payload: Option<usize>,
    /// How often any process has changed the content.
    pub(super) changes: u64,
    processes: u64,
    events: BTreeMap<Position, Record>,
    ids: HashMap<EventId, Position>,
    listeners: BTreeMap<Arc<str>, Listener>,
}

impl Content {
    pub(super) fn new() -> Self {
        Self {
            id: EventId::new(),
            last: Position::START,
            max_events: None,
            max_payload: None,
            changes: 0,
            processes: 0,
            events: BTreeMap::new(),
            ids: HashMap::new(),
            listeners: BTreeMap::new(),
        }
    }

    pub(super) fn next_process(&mut self) -> u64 {
        self.processes += 1;
        self.processes
    }

    pub(super) fn release_all(&mut self, process: u64) {
        for listener in self.listeners.values_mut() {
            listener.holder.take_if(|holder| *holder == process);
        }
    }

    pub(super) fn end_process(&mut self, process: u64) {
        for listener in self.listeners.values_mut() {
            if listener.holder == Some(process) {
                listener.holder = None;
                listener.fenced_up_to = listener.term;
            }
        }
    }

    pub(super) fn check_terms(&self, marks: &[Marks]) -> Result<(), StoreError> {
        let fenced = marks.iter().find(|marks| {
            let listener = self.listeners.get(&marks.term.listener);
            !listener.is_some_and(|listener| listener.permits(marks.term.number))
        });
        match fenced {
            None => Ok(()),
            Some(marks) => Err(StoreError::Fenced {
                store: NAME.into(),
                listener: marks.term.listener.to_string(),
            }),
        }
    }

    pub(super) fn commit(&mut self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        self.check_terms(batch.marks)?;
        self.check_room(batch.appends)?;
        let appended = batch.appends.iter().map(|event| self.append(event));
        let appended = appended.collect();
        for marks in batch.marks {
            if let Some(listener) = self.listeners.get_mut(&marks.term.listener) {
                listener.mark(marks);
            }
        }
        Ok(appended)
    }

    fn check_room(&self, appends: &[NewRecord]) -> Result<(), StoreError> {
        let store = || NAME.to_owned();
        let limit = self.max_payload.unwrap_or(usize::MAX);
        if let Some(event) = appends.iter().find(|event| event.payload.len() > limit) {
            let bytes = event.payload.len();
            return Err(StoreError::TooLarge {
                store: store(),
                bytes,
                limit,
            });
        }
        let Some(max_events) = self.max_events else {
            return Ok(());
        };
        let mut new: Vec<EventId> = appends.iter().map(|event| event.id).collect();
        new.retain(|id| !self.ids.contains_key(id));
        new.sort_unstable();
        new.dedup();
        if new.is_empty() || (self.events.len() + new.len()) as u64 <= max_events {
            return Ok(());
        }
        Err(StoreError::Full {
            store: store(),
            reason: format!("it holds {max_events} events at most"),
        })
    }

    fn append(&mut self, event: &NewRecord) -> Appended {
        if let Some(position) = self.ids.get(&event.id) {
            let stored = self.events.get(position);
            let is_same = stored.is_some_and(|Record { event: stored, .. }| {
                (&stored.topic, &stored.codec, &stored.payload)
                    == (&event.topic, &event.codec, &event.payload)
            });
            return match is_same {
                true => Appended::Duplicate(*position),
                false => Appended::Conflict(*position),
            };
        }
        let position = self.last.next();
        self.last = position;
        self.ids.insert(event.id, position);
        let record = Record {
            position,
            event: event.clone(),
            damage: None,
        };
        self.events.insert(position, record);
        Appended::New(position)
    }

    pub(super) fn damage(&mut self, at: Position) -> bool {
        let Some(record) = self.events.get_mut(&at) else {
            return false;
        };
        match record.event.payload.first_mut() {
            Some(byte) => *byte ^= 0x80,
            None => record.event.payload.push(0x80),
        }
        record.damage = Some("the checksum of its bytes does not match".into());
        true
    }

    pub(super) fn read(&self, after: Position, limit: Limit, into: &mut Vec<Record>) {
        let mut bytes = 0_usize;
        let records = self.events.range(after.next()..);
        for (count, (_, record)) in records.enumerate() {
            bytes = bytes.saturating_add(record.event.payload.len());
            if count > 0 && (count >= limit.records || bytes > limit.bytes) {
                return;
            }
            into.push(record.clone());
        }
    }

    pub(super) fn fetch(&self, at: &[Position], into: &mut Vec<Record>) {
        let mut at = at.to_vec();
        at.sort_unstable();
        at.dedup();
        let records = at.iter().filter_map(|position| self.events.get(position));
        into.extend(records.cloned());
    }

    pub(super) fn find(&self, id: EventId) -> Option<Record> {
        self.events.get(self.ids.get(&id)?).cloned()
    }

    pub(super) fn claim(
        &mut self,
        process: u64,
        name: &str,
        pattern: &str,
        start: StartFrom,
    ) -> Claim {
        let name: Arc<str> = name.into();
        let is_new = !self.listeners.contains_key(&name);
        let from = match start {
            StartFrom::Now => self.last,
            StartFrom::Oldest => Position::START,
        };
        let listener = self.listeners.entry(Arc::clone(&name));
        let listener = listener.or_insert_with(|| Listener::new(from));
        if listener.holder.is_some_and(|holder| holder != process) {
            return Claim::Elsewhere;
        }
        let (number, progress) = listener.claim(process, pattern, is_new);
        let term = Term {
            listener: name,
            number,
        };
        Claim::Held(term, progress)
    }

    pub(super) fn renew(&self, process: u64, term: &Term) -> bool {
        let listener = self.listeners.get(&term.listener);
        listener.is_some_and(|listener| listener.is_held(process, term.number))
    }

    pub(super) fn release(&mut self, process: u64, term: &Term) {
        let listener = self.listeners.get_mut(&term.listener);
        if let Some(listener) = listener.filter(|found| found.is_held(process, term.number)) {
            listener.holder = None;
        }
    }

    pub(super) fn listeners(&self) -> Vec<StoredListener> {
        let listeners = self.listeners.iter();
        listeners
            .map(|(name, listener)| listener.describe(name, self.last))
            .collect()
    }

    pub(super) fn remove_listener(&mut self, name: &str) -> Result<bool, StoreError> {
        self.check_free(name)?;
        Ok(self.listeners.remove(name).is_some())
    }

    pub(super) fn rename_listener(&mut self, old: &str, new: &str) -> Result<bool, StoreError> {
        self.check_free(old)?;
        if self.listeners.contains_key(new) {
            return Ok(false);
        }
        let Some(listener) = self.listeners.remove(old) else {
            return Ok(false);
        };
        self.listeners.insert(new.into(), listener);
        Ok(true)
    }

    fn check_free(&self, name: &str) -> Result<(), StoreError> {
        let listener = self.listeners.get(name);
        match listener.is_some_and(|listener| listener.holder.is_some()) {
            false => Ok(()),
            true => Err(StoreError::Busy {
                store: NAME.into(),
                reason: format!("a process handles the events of the listener {name:?}"),
            }),
        }
    }

    pub(super) fn parked(
        &self,
        name: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Vec<Parked> {
        let Some(listener) = self.listeners.get(name) else {
            return Vec::new();
        };
        let parked = listener.parked.range(after.next()..);
        let parked = parked.map(|(_, parked)| parked);
        let parked = parked.filter(|parked| state.is_none_or(|state| parked.state == state));
        parked.take(limit).cloned().collect()
    }

    pub(super) fn states(&self, at: Position) -> Vec<(String, ListenerState)> {
        let listeners = self.listeners.iter();
        listeners
            .map(|(name, listener)| (name.to_string(), listener.state(at)))
            .collect()
    }

    pub(super) fn redrive(&mut self, name: &str, at: &[Position], now: Millis) -> Vec<Position> {
        match self.listeners.get_mut(name) {
            Some(listener) => listener.redrive(at, now),
            None => Vec::new(),
        }
    }

    pub(super) fn discard(&mut self, name: &str, at: &[Position]) -> Vec<Position> {
        match self.listeners.get_mut(name) {
            Some(listener) => listener.discard(at),
            None => Vec::new(),
        }
    }

    pub(super) fn sweep(&mut self, up_to: Position, before: Millis, limit: usize) -> u64 {
        let events = self.events.range(..=up_to);
        let swept = events.filter(|(position, record)| {
            let mut listeners = self.listeners.values();
            record.event.emitted_at < before
                && listeners.all(|listener| listener.state(**position) == ListenerState::Ended)
        });
        let swept: Vec<_> = swept
            .take(limit)
            .map(|(position, record)| (*position, record.event.id))
            .collect();
        for (position, id) in &swept {
            self.events.remove(position);
            self.ids.remove(id);
        }
        swept.len() as u64
    }

    pub(super) fn size(&self) -> Size {
        let bytes = self.events.values().map(|record| {
            let event = &record.event;
            event.topic.len() + event.codec.len() + event.payload.len()
        });
        Size {
            events: self.events.len() as u64,
            bytes: bytes.sum::<usize>() as u64,
            wal_bytes: 0,
        }
    }
}

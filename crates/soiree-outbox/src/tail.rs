//! The last events of the log, in memory, so that listeners that keep up need not read the store.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use soiree_core::store::{Limit, Position, Record, Store, StoreError};
use soiree_core::{BaseEvent, Event, Payload};

use crate::codecs::Codecs;

/// How much of the log is kept in memory for listeners that keep up.
pub(crate) const TAIL_EVENTS: usize = 4_096;
pub(crate) const TAIL_BYTES: usize = 16 << 20;

/// How much is read from the store at once.
const PAGE: Limit = Limit {
    records: 256,
    bytes: 1 << 20,
};

/// A record that is decoded once, by the first listener that needs it.
pub(crate) struct LogEntry {
    pub(crate) record: Record,
    payload: OnceLock<Result<Payload, Box<str>>>,
}

/// The records after `start`, without a gap.
pub(crate) struct Tail {
    start: Position,
    entries: VecDeque<Arc<LogEntry>>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    /// What was read last: listeners that lag are often near each other.
    page: RefCell<Page>,
}

/// All records after a position, up to the last one of these.
struct Page {
    start: Position,
    entries: VecDeque<Arc<LogEntry>>,
}

/// What comes after a position.
pub(crate) enum Next {
    Entry(Arc<LogEntry>),
    /// The store has to be read.
    Read,
    /// Nothing.
    End,
}

impl LogEntry {
    pub(crate) fn new(record: Record) -> Arc<Self> {
        Arc::new(Self {
            record,
            payload: OnceLock::new(),
        })
    }

    pub(crate) fn position(&self) -> Position {
        self.record.position
    }

    /// The event that a listener gets.
    pub(crate) fn event(&self, payload: Payload, attempt: u32) -> BaseEvent {
        let stored = &self.record.event;
        let event = BaseEvent::new(&*stored.topic, ())
            .with_id(stored.id)
            .with_properties(stored.properties.clone())
            .with_attempt(attempt);
        event.set_payload(payload);
        event
    }

    /// Its payload, or what is wrong with it.
    pub(crate) fn payload(&self, codecs: &Codecs) -> Result<Payload, Box<str>> {
        self.payload
            .get_or_init(|| codecs.decode(&self.record))
            .clone()
    }
}

impl Tail {
    /// Empty: everything up to `last` has to be read.
    pub(crate) fn new(last: Position, max_events: usize, max_bytes: usize) -> Self {
        Self {
            start: last,
            entries: VecDeque::new(),
            bytes: 0,
            max_events,
            max_bytes,
            page: RefCell::new(Page {
                start: last,
                entries: VecDeque::new(),
            }),
        }
    }

    /// The last position that is known.
    pub(crate) fn last(&self) -> Position {
        self.entries.back().map_or(self.start, |e| e.position())
    }

    /// Keeps nothing: everything up to the last one has to be read.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.last(), self.max_events, self.max_bytes);
    }

    /// Adds what comes after the last one. Others may have appended in between: then what is here is no use.
    pub(crate) fn push(&mut self, record: Record) {
        let last = self.last();
        if record.position <= last {
            return;
        }
        if record.position != last.next() {
            self.entries.clear();
            self.bytes = 0;
            self.start = Position(record.position.0 - 1);
        }
        self.bytes += record.event.payload.len();
        self.entries.push_back(LogEntry::new(record));
        while self.entries.len() > self.max_events || self.bytes > self.max_bytes {
            let Some(first) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= first.record.event.payload.len();
            self.start = first.position();
        }
    }

    pub(crate) fn after(&self, position: Position) -> Next {
        if position >= self.last() {
            return Next::End;
        }
        if position < self.start {
            return Next::Read;
        }
        // Positions in here have no gaps.
        let index = usize::try_from(position.0 - self.start.0).unwrap_or(usize::MAX);
        match self.entries.get(index) {
            Some(entry) => Next::Entry(Arc::clone(entry)),
            None => Next::Read,
        }
    }

    /// The first records after a position, from the store or the last page. Empty if there are none.
    pub(crate) fn read(
        &self,
        after: Position,
        store: &dyn Store,
    ) -> Result<VecDeque<Arc<LogEntry>>, StoreError> {
        let mut page = self.page.borrow_mut();
        let last = page.entries.back().map(|entry| entry.position());
        if after < page.start || last.is_none_or(|last| last <= after) {
            let mut records = Vec::new();
            store.read(after, PAGE, &mut records)?;
            *page = Page {
                start: after,
                entries: records.into_iter().map(LogEntry::new).collect(),
            };
        }
        let known = page
            .entries
            .partition_point(|entry| entry.position() <= after);
        Ok(page.entries.iter().skip(known).map(Arc::clone).collect())
    }
}

#[cfg(test)]
mod tests {
    use soiree_core::store::{Millis, NewRecord};
    use soiree_core::{EventId, Properties};

    use super::*;

    fn record(position: u64) -> Record {
        Record {
            position: Position(position),
            event: NewRecord {
                id: EventId::from(u128::from(position)),
                topic: "a".into(),
                codec: "raw".into(),
                payload: vec![0; 10],
                properties: Properties::new(),
                emitted_at: Millis(0),
            },
            damage: None,
        }
    }

    fn next(tail: &Tail, position: u64) -> Option<u64> {
        match tail.after(Position(position)) {
            Next::Entry(entry) => Some(entry.position().0),
            Next::Read => Some(0),
            Next::End => None,
        }
    }

    /// D12: memory is bounded by events and by bytes, and what no longer fits is read from the store.
    #[test]
    fn what_does_not_fit_is_read_from_the_store() {
        let mut tail = Tail::new(Position(5), 3, 20);
        assert_eq!(next(&tail, 5), None);
        assert_eq!(next(&tail, 4), Some(0));
        for position in 6..=8 {
            tail.push(record(position));
        }
        assert_eq!(next(&tail, 5), Some(0), "20 bytes are two events");
        assert_eq!(next(&tail, 6), Some(7));
        assert_eq!(next(&tail, 7), Some(8));
        assert_eq!(next(&tail, 8), None);
    }

    /// D3: an event that another process appended in between is not passed over.
    #[test]
    fn a_gap_sends_listeners_to_the_store() {
        let mut tail = Tail::new(Position(5), 10, 1_000);
        tail.push(record(6));
        tail.push(record(9));
        assert_eq!(next(&tail, 6), Some(0));
        assert_eq!(next(&tail, 8), Some(9));
        tail.push(record(8));
        assert_eq!(next(&tail, 8), Some(9));
    }
}

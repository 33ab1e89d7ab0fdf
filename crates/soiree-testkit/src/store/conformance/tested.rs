//! A handle of the store that is tested. What it cannot do fails the case.

use std::fmt::Debug;
use std::panic::resume_unwind;
use std::sync::Arc;

use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Marks, Millis, NewRecord, Opened, Parked,
    ParkedState, Position, Progress, Record, StartFrom, Store, StoreError, StoredListener, Term,
};
use soiree_core::{EventId, Properties};

/// Fails the case. `message` follows the words "does not hold: ".
pub(super) fn fail(message: &str) -> ! {
    // Does not call the panic hook: the test that runs the case prints the message.
    resume_unwind(Box::new(message.to_owned()));
}

/// Fails the case unless both are equal. `what` starts the sentence.
pub(super) fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) {
    if found != expected {
        fail(&format!("{what}: {found:?} instead of {expected:?}"));
    }
}

/// Fails the case unless the condition holds.
pub(super) fn check(holds: bool, message: &str) {
    if !holds {
        fail(message);
    }
}

/// The value, or a failure that names the call.
pub(super) fn expect<T>(call: &str, result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| fail(&format!("{call} fails: {error}")))
}

/// Fails the case unless the store says that the term was overtaken.
pub(super) fn expect_fenced<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Fenced { .. }) => {}
        other => fail(&format!("{other:?} instead of StoreError::Fenced")),
    }
}

/// Fails the case unless the store says that a process has claimed the listener.
pub(super) fn expect_busy<T: Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Busy { .. }) => {}
        other => fail(&format!("{other:?} instead of StoreError::Busy")),
    }
}

/// An event whose time of emission is its ID in milliseconds.
pub(super) fn event(id: u32) -> NewRecord {
    NewRecord {
        id: EventId::from(u128::from(id)),
        topic: "order.paid".into(),
        codec: "text".into(),
        payload: format!("payload {id}").into_bytes(),
        properties: Properties::new(),
        emitted_at: Millis(i64::from(id)),
    }
}

pub(super) fn events(ids: std::ops::RangeInclusive<u32>) -> Vec<NewRecord> {
    ids.map(event).collect()
}

pub(super) fn parked(position: Position, state: ParkedState) -> Parked {
    Parked {
        position,
        state,
        attempts: 3,
        crashes: 1,
        due: Millis(1_000),
        key: None,
        error: None,
    }
}

pub(super) const ALL: Limit = Limit {
    records: usize::MAX,
    bytes: usize::MAX,
};

/// Later than all events of the cases.
pub(super) const LATER: Millis = Millis(i64::MAX);

pub(super) struct Tested {
    store: Arc<dyn Store>,
    pub(super) opened: Opened,
}

impl Tested {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let opened = expect("open", store.open());
        Self { store, opened }
    }

    /// The store itself, for calls that may fail, and for other threads.
    pub(super) fn raw(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The process ends, as if it were killed.
    pub(super) fn end(self) {}

    pub(super) fn append(&self, events: &[NewRecord]) -> Vec<Appended> {
        let batch = Batch {
            appends: events,
            marks: &[],
        };
        let appended = expect("commit", self.store.commit(&batch));
        same("events that commit reports", appended.len(), events.len());
        appended
    }

    /// Appends events that are new.
    pub(super) fn put(&self, ids: std::ops::RangeInclusive<u32>) -> Vec<Position> {
        let appended = self.append(&events(ids));
        let position = |appended: &Appended| match appended {
            Appended::New(position) => *position,
            other => fail(&format!("{other:?} for a new event")),
        };
        appended.iter().map(position).collect()
    }

    pub(super) fn try_mark(&self, marks: Marks) -> Result<Vec<Appended>, StoreError> {
        self.store.commit(&Batch {
            appends: &[],
            marks: &[marks],
        })
    }

    pub(super) fn mark(&self, marks: Marks) {
        expect("commit", self.try_mark(marks));
    }

    pub(super) fn floor(&self, term: &Term, floor: Position) {
        self.mark(Marks {
            floor: Some(floor),
            ..Marks::new(term.clone())
        });
    }

    pub(super) fn ended(&self, term: &Term, ended: &[Position]) {
        self.mark(Marks {
            ended: ended.to_vec(),
            ..Marks::new(term.clone())
        });
    }

    pub(super) fn park(&self, term: &Term, parked: Parked) {
        self.mark(Marks {
            parked: vec![parked],
            ..Marks::new(term.clone())
        });
    }

    pub(super) fn try_claim(&self, listener: &str, start: StartFrom) -> Claim {
        expect("claim", self.store.claim(listener, "order.*", start))
    }

    /// Claims a listener, which starts at the oldest event if it is new.
    pub(super) fn claim(&self, listener: &str) -> (Term, Progress) {
        match self.try_claim(listener, StartFrom::Oldest) {
            Claim::Held(term, progress) => (term, progress),
            Claim::Elsewhere => fail(&format!(
                "the listener {listener:?} is claimed elsewhere, although no other process has claimed it"
            )),
        }
    }

    pub(super) fn release(&self, term: &Term) {
        expect("release", self.store.release(term));
    }

    /// How far the listener has come. Ends the claim, and leaves the listener as it was, but for its term and `clean`.
    pub(super) fn progress(&self, listener: &str) -> Progress {
        let (term, progress) = self.claim(listener);
        self.release(&term);
        progress
    }

    pub(super) fn read(&self, after: Position, limit: Limit) -> Vec<Record> {
        let mut records = Vec::new();
        expect("read", self.store.read(after, limit, &mut records));
        records
    }

    pub(super) fn fetch(&self, at: &[Position]) -> Vec<Record> {
        let mut records = Vec::new();
        expect("fetch", self.store.fetch(at, &mut records));
        records
    }

    pub(super) fn find(&self, id: u32) -> Option<Record> {
        let id = EventId::from(u128::from(id));
        expect("find", self.store.find(id))
    }

    /// The positions of all events.
    pub(super) fn positions(&self) -> Vec<Position> {
        let records = self.read(Position::START, ALL);
        records.iter().map(|record| record.position).collect()
    }

    pub(super) fn listeners(&self) -> Vec<StoredListener> {
        expect("listeners", self.store.listeners())
    }

    pub(super) fn listener(&self, name: &str) -> StoredListener {
        let mut listeners = self.listeners().into_iter();
        match listeners.find(|listener| &*listener.name == name) {
            Some(listener) => listener,
            None => fail(&format!("listeners does not return {name:?}")),
        }
    }

    pub(super) fn parked(&self, listener: &str) -> Vec<Parked> {
        let parked = self
            .store
            .parked(listener, None, Position::START, usize::MAX);
        expect("parked", parked)
    }

    pub(super) fn state(&self, listener: &str, at: Position) -> ListenerState {
        let states = expect("states", self.store.states(at));
        let mut states = states.into_iter();
        match states.find(|(name, _)| name == listener) {
            Some((_, state)) => state,
            None => fail(&format!("states does not return {listener:?}")),
        }
    }

    pub(super) fn redrive(&self, listener: &str, at: &[Position], now: Millis) -> Vec<Position> {
        let redriven = expect("redrive", self.store.redrive(listener, at, now));
        sorted(redriven)
    }

    pub(super) fn discard(&self, listener: &str, at: &[Position]) -> Vec<Position> {
        sorted(expect("discard", self.store.discard(listener, at)))
    }

    pub(super) fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> u64 {
        expect("sweep", self.store.sweep(up_to, before, limit))
    }

    /// Sweeps until nothing more goes. One call may leave events for the next one.
    pub(super) fn sweep_fully(&self, up_to: Position, before: Millis) -> u64 {
        let (mut swept, mut in_vain) = (0, 0);
        while in_vain < 4 {
            let more = self.sweep(up_to, before, 1_000);
            in_vain = if more == 0 { in_vain + 1 } else { 0 };
            swept += more;
        }
        swept
    }

    /// Sweeps whatever may be swept.
    pub(super) fn sweep_all(&self) -> u64 {
        self.sweep_fully(Position(i64::MAX as u64), LATER)
    }

    pub(super) fn count(&self) -> u64 {
        expect("size", self.store.size()).events
    }
}

fn sorted(mut positions: Vec<Position>) -> Vec<Position> {
    positions.sort_unstable();
    positions
}

//! Events and marks, short to write.

use soiree_core::store::{Appended, Batch, Claim, Marks, Millis, NewRecord, Position, Progress};
use soiree_core::store::{StartFrom, Store, StoreError, Term};
use soiree_core::{EventId, Properties};

pub(crate) fn event(id: u128, payload: &str) -> NewRecord {
    NewRecord {
        id: EventId::from(id),
        topic: "a.b".into(),
        codec: "text".into(),
        payload: payload.as_bytes().to_vec(),
        properties: Properties::new(),
        emitted_at: Millis(i64::try_from(id).unwrap()),
    }
}

pub(crate) fn append(store: &dyn Store, ids: &[u128]) -> Result<Vec<Appended>, StoreError> {
    let events: Vec<NewRecord> = ids.iter().map(|id| event(*id, "x")).collect();
    store.commit(&Batch {
        appends: &events,
        marks: &[],
    })
}

pub(crate) fn mark(store: &dyn Store, marks: Marks) -> Result<(), StoreError> {
    let batch = Batch {
        appends: &[],
        marks: &[marks],
    };
    store.commit(&batch).map(drop)
}

pub(crate) fn claim(store: &dyn Store, name: &str) -> (Term, Progress) {
    match store.claim(name, "**", StartFrom::Oldest).unwrap() {
        Claim::Held(term, progress) => (term, progress),
        Claim::Elsewhere => panic!("another process has claimed {name}"),
    }
}

pub(crate) fn floor(term: &Term, floor: u64) -> Marks {
    Marks {
        floor: Some(Position(floor)),
        ..Marks::new(term.clone())
    }
}

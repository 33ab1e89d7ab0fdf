//! The store as a [`Store`].

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Millis, Opened, Parked, ParkedState, Position,
    Record, Size, StartFrom, Store, StoreError, StoredListener, Term,
};

use crate::store::SqliteStore;

impl Store for SqliteStore {
    fn name(&self) -> String {
        self.label()
    }

    fn open(&self) -> Result<Opened, StoreError> {
        self.open_store()
    }

    fn commit(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        self.commit_batch(batch)
    }

    fn read(
        &self,
        after: Position,
        limit: Limit,
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        self.read_log(after, limit, into)
    }

    fn fetch(&self, at: &[Position], into: &mut Vec<Record>) -> Result<(), StoreError> {
        self.fetch_records(at, into)
    }

    fn find(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        self.find_record(id)
    }

    fn claim(&self, listener: &str, pattern: &str, start: StartFrom) -> Result<Claim, StoreError> {
        self.claim_listener(listener, pattern, start)
    }

    fn renew(&self, term: &Term) -> Result<bool, StoreError> {
        self.renew_claim(term)
    }

    fn release(&self, term: &Term) -> Result<(), StoreError> {
        self.release_claim(term)
    }

    fn listeners(&self) -> Result<Vec<StoredListener>, StoreError> {
        self.list_listeners()
    }

    fn remove_listener(&self, listener: &str) -> Result<bool, StoreError> {
        self.remove(listener)
    }

    fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        self.rename(old, new)
    }

    fn parked(
        &self,
        listener: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        self.parked_page(listener, state, after, limit)
    }

    fn states(&self, at: Position) -> Result<Vec<(String, ListenerState)>, StoreError> {
        self.states_at(at)
    }

    fn redrive(
        &self,
        listener: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError> {
        self.redrive_dead(listener, at, now)
    }

    fn discard(&self, listener: &str, at: &[Position]) -> Result<Vec<Position>, StoreError> {
        self.discard_dead(listener, at)
    }

    fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> Result<u64, StoreError> {
        self.sweep_events(up_to, before, limit)
    }

    fn size(&self) -> Result<Size, StoreError> {
        self.measure()
    }

    fn changed(&self) -> Result<bool, StoreError> {
        self.has_changed()
    }

    fn close(&self) -> Result<(), StoreError> {
        self.close_store()
    }
}

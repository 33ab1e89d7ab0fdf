//! A store that fails when a test says so.

use std::fmt;
use std::sync::Arc;

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Millis, Opened, Parked, ParkedState, Position,
    Record, Size, StartFrom, Store, StoreError, StoredListener, Term,
};

use super::fault::{StoreFault, StoreMethod};
use super::plan::{Plan, StoreGate};

/// Wraps a store, and lets its calls fail, wait, and be counted.
///
/// Clones share the store, the faults and the counts: pass one clone to the code under test and keep another.
///
/// After a commit has failed with [`StoreError::Unknown`], all calls except `close` fail with [`StoreError::NotOpen`] until the
/// store is opened again, as the contract demands of every store.
///
/// ```
/// use soiree_core::store::{Batch, Store, StoreError};
/// use soiree_testkit::{FaultyStore, MemoryStore, StoreFault, StoreMethod};
///
/// let store = FaultyStore::new(MemoryStore::new());
/// store.open()?;
/// store.fail_next(StoreMethod::Commit, 1, StoreFault::full());
/// assert!(matches!(store.commit(&Batch::default()), Err(StoreError::Full { .. })));
/// assert!(store.commit(&Batch::default()).is_ok());
/// assert_eq!(store.calls(StoreMethod::Commit), 2);
/// # Ok::<(), StoreError>(())
/// ```
pub struct FaultyStore<S> {
    store: Arc<S>,
    plan: Arc<Plan>,
}

impl<S: Store> FaultyStore<S> {
    /// Wraps a store. No call fails until the test says so.
    pub fn new(store: S) -> Self {
        let plan = Arc::new(Plan::new(store.name()));
        Self {
            store: Arc::new(store),
            plan,
        }
    }

    /// The wrapped store. Its calls do not fail and are not counted.
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// Lets the next `times` calls of the method fail. Replaces the fault that the method had.
    pub fn fail_next(&self, method: StoreMethod, times: u64, fault: StoreFault) {
        self.plan.set(method, fault, 1, Some(times));
    }

    /// Lets every `nth` call of the method fail, counted from now: with 3, the third, the sixth, and so on. Replaces the fault that the
    /// method had. 0 means the same as 1.
    pub fn fail_every(&self, method: StoreMethod, nth: u64, fault: StoreFault) {
        self.plan.set(method, fault, nth.max(1), None);
    }

    /// Lets every call of the method fail. Replaces the fault that the method had.
    pub fn fail_all(&self, method: StoreMethod, fault: StoreFault) {
        self.plan.set(method, fault, 1, None);
    }

    /// Cuts the code under test off the store, as the end of its process does: every call fails with [`StoreError::NotOpen`] from now on,
    /// and nothing heals that. What was committed is in the [wrapped](FaultyStore::inner) store.
    ///
    /// With [`StoreFault::cut`] it happens in the middle of a call.
    pub fn cut(&self) {
        self.plan.cut();
    }

    /// Whether it was cut off.
    pub fn is_cut(&self) -> bool {
        self.plan.is_cut()
    }

    /// No call fails from now on, unless the store was [cut off](FaultyStore::cut). Calls that are held stay held.
    pub fn heal(&self) {
        self.plan.heal();
    }

    /// Holds the calls of the method **before** they reach the store, until the gate is released or dropped.
    ///
    /// A method has one gate. A new one replaces the one before: what that has held waits for the new one.
    pub fn hold(&self, method: StoreMethod) -> StoreGate {
        StoreGate::new(Arc::clone(&self.plan), method, false)
    }

    /// As [`hold`](FaultyStore::hold), but holds the calls **after** the store has done what they ask for: a commit is stored, and its
    /// caller does not know it yet. A call that fails is not held.
    pub fn hold_after(&self, method: StoreMethod) -> StoreGate {
        StoreGate::new(Arc::clone(&self.plan), method, true)
    }

    /// How often the method was called, failed calls included.
    pub fn calls(&self, method: StoreMethod) -> u64 {
        self.plan.calls(method)
    }

    fn call<T>(
        &self,
        method: StoreMethod,
        call: impl FnOnce(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fault = self.plan.enter(method)?;
        if let Some(fault) = &fault {
            if !fault.happens_after() {
                return Err(self.plan.fail(method, fault));
            }
        }
        let value = call(&self.store)?;
        if method == StoreMethod::Open {
            self.plan.opened();
        }
        match fault {
            Some(fault) => Err(self.plan.fail(method, &fault)),
            None => {
                self.plan.wait_at_gate(method, true);
                Ok(value)
            }
        }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn name(&self) -> String {
        self.store.name()
    }

    fn open(&self) -> Result<Opened, StoreError> {
        self.call(StoreMethod::Open, S::open)
    }

    fn commit(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        self.call(StoreMethod::Commit, |store| store.commit(batch))
    }

    fn read(
        &self,
        after: Position,
        limit: Limit,
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        self.call(StoreMethod::Read, |store| store.read(after, limit, into))
    }

    fn fetch(&self, at: &[Position], into: &mut Vec<Record>) -> Result<(), StoreError> {
        self.call(StoreMethod::Fetch, |store| store.fetch(at, into))
    }

    fn find(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        self.call(StoreMethod::Find, |store| store.find(id))
    }

    fn claim(&self, listener: &str, pattern: &str, start: StartFrom) -> Result<Claim, StoreError> {
        self.call(StoreMethod::Claim, |store| {
            store.claim(listener, pattern, start)
        })
    }

    fn renew(&self, term: &Term) -> Result<bool, StoreError> {
        self.call(StoreMethod::Renew, |store| store.renew(term))
    }

    fn release(&self, term: &Term) -> Result<(), StoreError> {
        self.call(StoreMethod::Release, |store| store.release(term))
    }

    fn listeners(&self) -> Result<Vec<StoredListener>, StoreError> {
        self.call(StoreMethod::Listeners, S::listeners)
    }

    fn remove_listener(&self, listener: &str) -> Result<bool, StoreError> {
        self.call(StoreMethod::RemoveListener, |store| {
            store.remove_listener(listener)
        })
    }

    fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        self.call(StoreMethod::RenameListener, |store| {
            store.rename_listener(old, new)
        })
    }

    fn parked(
        &self,
        listener: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        self.call(StoreMethod::Parked, |store| {
            store.parked(listener, state, after, limit)
        })
    }

    fn states(&self, at: Position) -> Result<Vec<(String, ListenerState)>, StoreError> {
        self.call(StoreMethod::States, |store| store.states(at))
    }

    fn redrive(
        &self,
        listener: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError> {
        self.call(StoreMethod::Redrive, |store| {
            store.redrive(listener, at, now)
        })
    }

    fn discard(&self, listener: &str, at: &[Position]) -> Result<Vec<Position>, StoreError> {
        self.call(StoreMethod::Discard, |store| store.discard(listener, at))
    }

    fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> Result<u64, StoreError> {
        self.call(StoreMethod::Sweep, |store| {
            store.sweep(up_to, before, limit)
        })
    }

    fn size(&self) -> Result<Size, StoreError> {
        self.call(StoreMethod::Size, S::size)
    }

    fn changed(&self) -> Result<bool, StoreError> {
        self.call(StoreMethod::Changed, S::changed)
    }

    fn close(&self) -> Result<(), StoreError> {
        self.call(StoreMethod::Close, S::close)
    }
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            plan: Arc::clone(&self.plan),
        }
    }
}

impl<S> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}

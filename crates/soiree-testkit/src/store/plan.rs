//! What a `FaultyStore` is to do with its next calls.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::store::StoreError;

use super::fault::{StoreFault, StoreMethod};

pub(super) struct Plan {
    store: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    faults: HashMap<StoreMethod, Planned>,
    calls: HashMap<StoreMethod, u64>,
    gates: HashMap<StoreMethod, Gate>,
    next_gate: u64,
    /// A commit had an unknown outcome, and the store was not opened since.
    must_open: bool,
    /// No call reaches the store any more.
    is_cut: bool,
}

struct Planned {
    fault: StoreFault,
    every: u64,
    /// Calls since it was planned.
    seen: u64,
    /// How many calls it still lets fail. `None` for all.
    left: Option<u64>,
}

struct Gate {
    number: u64,
    after: bool,
    held: usize,
}

impl Plan {
    pub(super) fn new(store: String) -> Self {
        Self {
            store,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn set(
        &self,
        method: StoreMethod,
        fault: StoreFault,
        every: u64,
        left: Option<u64>,
    ) {
        let planned = Planned {
            fault,
            every,
            seen: 0,
            left,
        };
        let before = self.lock().faults.insert(method, planned);
        drop(before);
    }

    pub(super) fn heal(&self) {
        let faults = std::mem::take(&mut self.lock().faults);
        drop(faults);
    }

    pub(super) fn calls(&self, method: StoreMethod) -> u64 {
        self.lock().calls.get(&method).copied().unwrap_or(0)
    }

    /// Counts a call, holds it at the gate, and returns how it is to fail.
    pub(super) fn enter(&self, method: StoreMethod) -> Result<Option<StoreFault>, StoreError> {
        let mut state = self.lock();
        *state.calls.entry(method).or_default() += 1;
        self.changed.notify_all();
        let mut state = self.wait(state, method, false);
        let may_open = matches!(method, StoreMethod::Open | StoreMethod::Close);
        if state.is_cut || state.must_open && !may_open {
            let store = self.store.clone();
            return Err(StoreError::NotOpen { store });
        }
        let Some(planned) = state.faults.get_mut(&method) else {
            return Ok(None);
        };
        planned.seen += 1;
        if planned.seen % planned.every != 0 || planned.left == Some(0) {
            return Ok(None);
        }
        if let Some(left) = &mut planned.left {
            *left -= 1;
        }
        Ok(Some(planned.fault.clone()))
    }

    /// The error of a call that is to fail.
    pub(super) fn fail(&self, method: StoreMethod, fault: &StoreFault) -> StoreError {
        let error = fault.error(self.store.clone());
        if method == StoreMethod::Commit && matches!(error, StoreError::Unknown { .. }) {
            self.lock().must_open = true;
        }
        if fault.cuts() {
            self.cut();
        }
        error
    }

    pub(super) fn cut(&self) {
        self.lock().is_cut = true;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.lock().is_cut
    }

    pub(super) fn opened(&self) {
        self.lock().must_open = false;
    }

    pub(super) fn wait_at_gate(&self, method: StoreMethod, after: bool) {
        let state = self.lock();
        drop(self.wait(state, method, after));
    }

    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        method: StoreMethod,
        after: bool,
    ) -> MutexGuard<'a, State> {
        let mut counted = None;
        loop {
            let Some(gate) = state.gates.get_mut(&method) else {
                return state;
            };
            if gate.after != after {
                return state;
            }
            if counted != Some(gate.number) {
                gate.held += 1;
                counted = Some(gate.number);
                self.changed.notify_all();
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds calls of a [`FaultyStore`](crate::FaultyStore) until it is released or dropped.
///
/// ```
/// use soiree_core::store::{Batch, Store};
/// use soiree_testkit::{FaultyStore, MemoryStore, StoreMethod};
/// use std::thread;
///
/// let store = FaultyStore::new(MemoryStore::new());
/// store.open()?;
/// let gate = store.hold(StoreMethod::Commit);
/// let writer = thread::spawn({
///     let store = store.clone();
///     move || store.commit(&Batch::default())
/// });
/// gate.wait_until_held(1);
/// assert!(!writer.is_finished());
/// gate.release();
/// writer.join().unwrap()?;
/// # Ok::<(), soiree_core::store::StoreError>(())
/// ```
#[derive(Debug)]
#[must_use = "a gate that is dropped holds nothing"]
pub struct StoreGate {
    plan: Arc<Plan>,
    method: StoreMethod,
    number: u64,
}

/// How long a gate waits for calls.
const PATIENCE: Duration = Duration::from_secs(30);

impl StoreGate {
    pub(super) fn new(plan: Arc<Plan>, method: StoreMethod, after: bool) -> Self {
        let mut state = plan.lock();
        state.next_gate += 1;
        let number = state.next_gate;
        let gate = Gate {
            number,
            after,
            held: 0,
        };
        state.gates.insert(method, gate);
        drop(state);
        plan.changed.notify_all();
        Self {
            plan,
            method,
            number,
        }
    }

    /// How many calls it has held so far.
    pub fn held(&self) -> usize {
        let state = self.plan.lock();
        self.held_in(&state)
    }

    /// Blocks until it has held this many calls.
    ///
    /// # Panics
    /// If that takes longer than 30 seconds.
    #[track_caller]
    pub fn wait_until_held(&self, calls: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.plan.lock();
        while self.held_in(&state) < calls {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let (held, method) = (self.held_in(&state), self.method);
                drop(state);
                panic!("{held} instead of {calls} calls of {method:?} came within {PATIENCE:?}");
            }
            let woken = self.plan.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets the calls go on, and holds no more. Dropping the gate does the same.
    pub fn release(self) {}

    fn held_in(&self, state: &State) -> usize {
        let gate = state.gates.get(&self.method);
        gate.filter(|gate| gate.number == self.number)
            .map_or(0, |gate| gate.held)
    }
}

impl Drop for StoreGate {
    fn drop(&mut self) {
        let mut state = self.plan.lock();
        let gate = state.gates.get(&self.method);
        if gate.is_some_and(|gate| gate.number == self.number) {
            state.gates.remove(&self.method);
        }
        drop(state);
        self.plan.changed.notify_all();
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").finish_non_exhaustive()
    }
}

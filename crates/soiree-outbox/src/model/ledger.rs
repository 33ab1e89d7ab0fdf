//! What was emitted and what was handled, over all processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use soiree_core::store::{ListenerState, Store};
use soiree_core::{BoxError, Event, Listener, OrderingKey};
use soiree_testkit::{FaultyStore, MemoryStore};

/// The first call with this event fails.
pub(super) const FAILS_AT_FIRST: u128 = 1;

/// The key of an event: some have the same one, others none.
pub(super) fn key(id: u128) -> Option<OrderingKey> {
    (id < 10).then(|| OrderingKey::from(0))
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for what runs.
    Closed,
    /// What runs is given up.
    Abandoned,
    /// Its outbox is dropped: what runs is given up, and nobody waits for the threads.
    Dropped,
    Killed,
}

/// Keeps account of every event. Threads of a scenario do not switch while one of them is in here.
pub(super) struct Ledger {
    /// Reads what is stored, whichever process has ended.
    store: MemoryStore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: BTreeMap<u128, Account>,
    steps: usize,
    /// Calls that ran when a process was killed.
    killed: usize,
}

#[derive(Debug, Default)]
struct Account {
    /// The answer that the emitter got: whether it is stored.
    is_accepted: Option<bool>,
    calls: usize,
    is_running: bool,
    /// A call has returned without an error, and no process has ended since that had not marked it.
    is_handled: bool,
}

impl Ledger {
    pub(super) fn of(store: &MemoryStore, ids: &[u128]) -> Arc<Self> {
        let store = store.another_process();
        store.open().unwrap();
        let mut state = State::default();
        state
            .events
            .extend(ids.iter().map(|id| (*id, Account::default())));
        Arc::new(Self {
            store,
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How many answers came, calls began, and calls ended.
    pub(super) fn steps(&self) -> usize {
        self.lock().steps
    }

    /// How many calls ran when a process was killed.
    pub(super) fn killed(&self) -> usize {
        self.lock().killed
    }

    /// Whether every event is answered, and handled if it was accepted.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.lock();
        let mut accounts = state.events.values();
        accounts.all(|account| account.is_accepted == Some(account.is_handled))
    }

    /// An emitter has its answer.
    pub(super) fn answered(&self, id: u128, is_accepted: bool) {
        let mut state = self.lock();
        state.steps += 1;
        let is_stored = self.state_in_store(id).is_some();
        let account = state.events.get_mut(&id).unwrap();
        account.is_accepted = Some(is_accepted);
        // What was handled may have been swept.
        let is_known = is_stored || account.is_handled;
        assert_eq!(is_known, is_accepted, "{id}: {account:?}");
    }

    fn begin(&self, id: u128) {
        let mut state = self.lock();
        state.steps += 1;
        let of_key = |other: u128| key(id).is_some() && key(other) == key(id);
        for (other, account) in state.events.iter().filter(|(other, _)| of_key(**other)) {
            assert!(!account.is_running, "{id} and {other} at once");
            let is_over = account.is_handled || account.is_accepted == Some(false);
            assert!(*other >= id || is_over, "{id} before {other}");
        }
        let account = state.events.get_mut(&id).unwrap();
        assert!(!account.is_running, "{id} runs twice at once");
        assert!(!account.is_handled, "{id} is handled again");
        account.is_running = true;
        account.calls += 1;
    }

    fn end(&self, id: u128) -> Result<(), BoxError> {
        let mut state = self.lock();
        state.steps += 1;
        let account = state.events.get_mut(&id).unwrap();
        account.is_running = false;
        if id == FAILS_AT_FIRST && account.calls == 1 {
            return Err("the first time".into());
        }
        account.is_handled = true;
        Ok(())
    }

    /// A process has ended: what the store says has ended was handled, and after a close also the other way round.
    pub(super) fn ended(&self, how: End) {
        let mut state = self.lock();
        if how == End::Killed {
            let accounts = state.events.values();
            let running = accounts.filter(|account| account.is_running).count();
            state.killed += running;
        }
        for (id, account) in &mut state.events {
            let stored = self.state_in_store(*id);
            let context = format!("{id} after {how:?}: {account:?}, {stored:?}");
            match stored {
                Some(ListenerState::Ended) => assert!(account.is_handled, "{context}"),
                Some(_) => {
                    assert!(how != End::Closed || !account.is_handled, "{context}");
                    account.is_handled = false;
                }
                // Swept, or never stored.
                None if account.is_accepted == Some(true) => {
                    assert!(account.is_handled, "{context}");
                }
                None => {}
            }
            account.is_running &= how != End::Killed;
            assert!(!account.is_running, "{context}");
        }
    }

    fn state_in_store(&self, id: u128) -> Option<ListenerState> {
        let record = self.store.find(id.into()).unwrap()?;
        let states = self.store.states(record.position).unwrap();
        Some(states.into_iter().next().unwrap().1)
    }
}

/// Takes its time, and enters each call in the ledger. What a killed process calls does not count.
pub(super) struct Accounted {
    pub(super) ledger: Arc<Ledger>,
    pub(super) store: FaultyStore<MemoryStore>,
    pub(super) calls: Arc<Calls>,
}

/// The calls of a process.
#[derive(Default)]
pub(super) struct Calls {
    pub(super) begun: AtomicUsize,
    pub(super) ended: AtomicUsize,
}

impl Listener for Accounted {
    fn handle(&self, event: &dyn Event) -> Result<(), BoxError> {
        let id = event.id().into();
        if self.store.is_cut() {
            return Ok(());
        }
        self.calls.begun.fetch_add(1, SeqCst);
        self.ledger.begin(id);
        shuttle::thread::yield_now();
        self.calls.ended.fetch_add(1, SeqCst);
        if self.store.is_cut() {
            return Ok(());
        }
        self.ledger.end(id)
    }
}

//! Stores that break one promise each: a memory store, with wrong answers.

mod answers;
mod commits;
mod contract;
mod fault;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use soiree_core::EventId;
use soiree_core::store::{Position, Store, StoredListener};
use soiree_testkit::{MemoryStore, StoreContent};

pub(crate) use self::fault::Fault;

/// A handle of a store that breaks one promise.
pub(crate) struct Broken {
    store: MemoryStore,
    fault: Fault,
    shared: Arc<Shared>,
    /// Which handle of the content it is, from 1.
    number: usize,
    /// The last position when it was opened.
    opened_at: Mutex<Position>,
    /// What it has appended itself.
    own: Mutex<BTreeSet<Position>>,
}

/// What the handles of one content share.
#[derive(Default)]
struct Shared {
    handles: AtomicUsize,
    /// Processes that have ended.
    ended: AtomicUsize,
    memory: Mutex<Memory>,
    has_read: Condvar,
}

/// What a broken store remembers to give wrong answers.
#[derive(Default)]
struct Memory {
    /// Events that it does not show.
    hidden: BTreeSet<Position>,
    /// The events of the last commit, which a process that ends takes along.
    unsaved: Vec<Position>,
    /// IDs of events that were swept.
    swept: BTreeMap<EventId, Position>,
    /// By listener, as its marks said: the last floor, what may have started, and what has ever ended.
    floors: BTreeMap<String, Position>,
    begun: BTreeMap<String, Position>,
    ended: BTreeMap<String, BTreeSet<Position>>,
    /// By listener: the pattern of the first claim, and the handle that holds it.
    patterns: BTreeMap<String, String>,
    holders: BTreeMap<String, usize>,
    /// Listeners that it does not show.
    gone: BTreeSet<String>,
    redriven: BTreeSet<Position>,
    clean: BTreeSet<String>,
    is_full: bool,
    has_closed: bool,
    reads: u64,
    /// Handles whose claims do not end.
    leaked: Vec<MemoryStore>,
    fresh_ids: u32,
}

impl Broken {
    /// A content whose stores have this fault.
    pub(crate) fn content(fault: Fault) -> StoreContent {
        let store = MemoryStore::new();
        let damaged = store.clone();
        let shared = Arc::default();
        StoreContent::new(move || Self::new(store.another_process(), fault, Arc::clone(&shared)))
            .damage(move |at| assert!(damaged.damage(at)))
            .little_room(move || {
                let store = MemoryStore::new().max_events(101);
                Self::new(store, fault, Arc::default())
            })
    }

    fn new(store: MemoryStore, fault: Fault, shared: Arc<Shared>) -> Self {
        let number = shared.handles.fetch_add(1, Ordering::SeqCst) + 1;
        Self {
            store,
            fault,
            shared,
            number,
            opened_at: Mutex::default(),
            own: Mutex::default(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().unwrap()
    }

    fn is_restarted(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst) > 0
    }

    fn known(&self, listener: &str) -> Option<StoredListener> {
        let listeners = self.store.listeners().unwrap();
        let mut listeners = listeners.into_iter();
        listeners.find(|known| &*known.name == listener)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.shared.ended.fetch_add(1, Ordering::SeqCst);
        let mut memory = self.memory();
        memory.holders.retain(|_, holder| *holder != self.number);
        if self.has(Fault::AcksBeforeItCommits) {
            let unsaved = std::mem::take(&mut memory.unsaved);
            memory.hidden.extend(unsaved);
        }
        if self.has(Fault::KeepsTheClaimsOfEndedProcesses) {
            memory.leaked.push(self.store.clone());
        }
    }
}

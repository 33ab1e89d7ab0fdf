//! A store without a disk, for tests.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use soiree_core::EventId;
use soiree_core::store::{
    Appended, Batch, Claim, Limit, ListenerState, Millis, Opened, Parked, ParkedState, Position,
    Record, Size, StartFrom, Store, StoreError, StoredListener, Term,
};

use super::content::{Content, NAME};

/// A store in memory. It keeps the promises of a [`Store`], but what it holds ends with the test.
///
/// Clones are handles of the same process. [`another_process`](MemoryStore::another_process) makes a handle that counts as another
/// process: each sees what the other commits, and a listener that one has claimed is [`Elsewhere`](Claim::Elsewhere) for the other.
/// [`crash`](MemoryStore::crash) ends a process; so does dropping its last handle.
///
/// ```
/// use soiree_core::store::{Claim, StartFrom, Store};
/// use soiree_testkit::MemoryStore;
///
/// let store = MemoryStore::new();
/// store.open()?;
/// let other = store.another_process();
/// other.open()?;
/// assert!(matches!(store.claim("ledger", "invoice.*", StartFrom::Now)?, Claim::Held(..)));
/// assert_eq!(other.claim("ledger", "invoice.*", StartFrom::Now)?, Claim::Elsewhere);
///
/// store.crash();
/// assert!(matches!(other.claim("ledger", "invoice.*", StartFrom::Now)?, Claim::Held(..)));
/// # Ok::<(), soiree_core::store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
    process: Arc<Process>,
}

/// What the handles of one process share. Its claims end with it.
struct Process {
    number: u64,
    content: Arc<Mutex<Content>>,
    is_open: AtomicBool,
    /// Changes that this process has made, and those of others that it has seen. Both are used under the lock of the content.
    own_changes: AtomicU64,
    seen_changes: AtomicU64,
}

impl MemoryStore {
    /// Creates an empty store. Open it before use, as any store.
    pub fn new() -> Self {
        Self::process_of(Arc::new(Mutex::new(Content::new())))
    }

    fn process_of(content: Arc<Mutex<Content>>) -> Self {
        let mut guard = lock(&content);
        let number = guard.next_process();
        let seen = guard.changes;
        drop(guard);
        let process = Process {
            number,
            content: Arc::clone(&content),
            is_open: AtomicBool::new(false),
            own_changes: AtomicU64::new(0),
            seen_changes: AtomicU64::new(seen),
        };
        Self {
            content,
            process: Arc::new(process),
        }
    }

    /// Limits how many events the store holds, ended ones included until they are swept. Unlimited by default.
    ///
    /// A batch that would exceed the limit is rejected with [`StoreError::Full`], and nothing of it is stored. The limit is the same for all
    /// handles of the content: call this on a clone to change it later.
    #[must_use]
    pub fn max_events(self, max_events: u64) -> Self {
        lock(&self.content).max_events = Some(max_events);
        self
    }

    /// Limits the size of one payload in bytes. Unlimited by default.
    ///
    /// A batch with a larger payload is rejected with [`StoreError::TooLarge`], and nothing of it is stored.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        lock(&self.content).max_payload = Some(bytes);
        self
    }

    /// A handle of the same content that counts as another process. It has to be opened.
    #[must_use]
    pub fn another_process(&self) -> Self {
        Self::process_of(Arc::clone(&self.content))
    }

    /// Ends this process, as `kill -9` would: its claims end, what was committed stays.
    ///
    /// A commit with a term that it held is [`Fenced`](StoreError::Fenced) from now on. All other calls of its handles are
    /// [`NotOpen`](StoreError::NotOpen) until one of them is opened again, which starts the process anew.
    pub fn crash(&self) {
        let mut content = lock(&self.content);
        content.end_process(self.process.number);
        self.process.is_open.store(false, Ordering::SeqCst);
    }

    /// Changes a stored byte of an event, as a bad disk does. Reads return it with [`Record::damage`]. Returns whether there is
    /// such an event.
    pub fn damage(&self, at: Position) -> bool {
        lock(&self.content).damage(at)
    }

    /// The content, if this process has opened it.
    fn opened(&self) -> Result<MutexGuard<'_, Content>, StoreError> {
        let content = lock(&self.content);
        match self.process.is_open.load(Ordering::SeqCst) {
            true => Ok(content),
            false => Err(StoreError::NotOpen { store: NAME.into() }),
        }
    }

    /// As [`opened`](MemoryStore::opened), for a call that changes the content.
    fn changing<T>(
        &self,
        change: impl FnOnce(&mut Content) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut content = self.opened()?;
        let changed = change(&mut content)?;
        content.changes += 1;
        self.process.own_changes.fetch_add(1, Ordering::SeqCst);
        Ok(changed)
    }
}

impl Store for MemoryStore {
    fn name(&self) -> String {
        NAME.into()
    }

    fn open(&self) -> Result<Opened, StoreError> {
        let content = lock(&self.content);
        self.process.is_open.store(true, Ordering::SeqCst);
        Ok(Opened {
            id: content.id,
            last: content.last,
            listeners: content.listeners(),
        })
    }

    fn commit(&self, batch: &Batch<'_>) -> Result<Vec<Appended>, StoreError> {
        // Before the check whether it is open: what a process that has ended marks late is fenced, whether it is started anew or not.
        lock(&self.content).check_terms(batch.marks)?;
        self.changing(|content| content.commit(batch))
    }

    fn read(
        &self,
        after: Position,
        limit: Limit,
        into: &mut Vec<Record>,
    ) -> Result<(), StoreError> {
        self.opened()?.read(after, limit, into);
        Ok(())
    }

    fn fetch(&self, at: &[Position], into: &mut Vec<Record>) -> Result<(), StoreError> {
        self.opened()?.fetch(at, into);
        Ok(())
    }

    fn find(&self, id: EventId) -> Result<Option<Record>, StoreError> {
        Ok(self.opened()?.find(id))
    }

    fn claim(&self, listener: &str, pattern: &str, start: StartFrom) -> Result<Claim, StoreError> {
        self.changing(|content| Ok(content.claim(self.process.number, listener, pattern, start)))
    }

    fn renew(&self, term: &Term) -> Result<bool, StoreError> {
        Ok(self.opened()?.renew(self.process.number, term))
    }

    fn release(&self, term: &Term) -> Result<(), StoreError> {
        self.changing(|content| {
            content.release(self.process.number, term);
            Ok(())
        })
    }

    fn listeners(&self) -> Result<Vec<StoredListener>, StoreError> {
        Ok(self.opened()?.listeners())
    }

    fn remove_listener(&self, listener: &str) -> Result<bool, StoreError> {
        self.changing(|content| content.remove_listener(listener))
    }

    fn rename_listener(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        self.changing(|content| content.rename_listener(old, new))
    }

    fn parked(
        &self,
        listener: &str,
        state: Option<ParkedState>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        Ok(self.opened()?.parked(listener, state, after, limit))
    }

    fn states(&self, at: Position) -> Result<Vec<(String, ListenerState)>, StoreError> {
        Ok(self.opened()?.states(at))
    }

    fn redrive(
        &self,
        listener: &str,
        at: &[Position],
        now: Millis,
    ) -> Result<Vec<Position>, StoreError> {
        self.changing(|content| Ok(content.redrive(listener, at, now)))
    }

    fn discard(&self, listener: &str, at: &[Position]) -> Result<Vec<Position>, StoreError> {
        self.changing(|content| Ok(content.discard(listener, at)))
    }

    fn sweep(&self, up_to: Position, before: Millis, limit: usize) -> Result<u64, StoreError> {
        self.changing(|content| Ok(content.sweep(up_to, before, limit)))
    }

    fn size(&self) -> Result<Size, StoreError> {
        Ok(self.opened()?.size())
    }

    fn changed(&self) -> Result<bool, StoreError> {
        let content = self.opened()?;
        let others = content.changes - self.process.own_changes.load(Ordering::SeqCst);
        Ok(self.process.seen_changes.swap(others, Ordering::SeqCst) != others)
    }

    fn close(&self) -> Result<(), StoreError> {
        let mut content = lock(&self.content);
        content.release_all(self.process.number);
        self.process.is_open.store(false, Ordering::SeqCst);
        Ok(())
    }
}

fn lock(content: &Mutex<Content>) -> MutexGuard<'_, Content> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Process {
    fn drop(&mut self) {
        lock(&self.content).end_process(self.number);
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("process", &self.process.number)
            .finish_non_exhaustive()
    }
}

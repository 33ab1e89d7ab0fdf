//! The handle that programs hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use soiree_core::store::{StartFrom, Store, Term};
use soiree_core::{EventId, ListenerId, Pattern};
use soiree_engine::{ReservedTopics, Soiree};

use crate::builder::{Orphans, OutboxBuilder};
use crate::clock::Clock;
use crate::codecs::Codecs;
use crate::commit_queue::CommitQueue;
use crate::error::OutboxError;
use crate::figures::{OutboxStats, StoreFigures};
use crate::info::DurableInfo;
use crate::listener::{Limits, Number};
use crate::signals::Signals;

/// An event pool whose durable topics survive the end of the process.
///
/// - An event on a durable topic is committed to the store before [`emit`](Outbox::emit) returns `Ok`. Each durable listener gets it until
///   it has handled it, now or after a restart: **at least once**, in the order of its key if it has one.
/// - All other topics pass through to the event pool untouched.
///
/// A cheap handle: clones are the same outbox. If the last one is dropped without a [`close`](Outbox::close), what was accepted is in the
/// store, and delivered after the next start.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) soiree: Arc<dyn Soiree>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) store_id: EventId,
    pub(crate) codecs: Arc<Codecs>,
    pub(crate) reserved: Vec<ReservedTopics>,
    pub(crate) queue: Arc<CommitQueue>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) clock: Clock,
    pub(crate) figures: Arc<StoreFigures>,
    pub(crate) settings: Settings,
    pub(crate) next_number: AtomicU64,
    /// The durable listeners, by name.
    pub(crate) listeners: Mutex<BTreeMap<Arc<str>, Subscription>>,
    pub(crate) threads: Mutex<Option<Threads>>,
    pub(crate) relay_thread: ThreadId,
    pub(crate) lifecycle: Mutex<Lifecycle>,
}

pub(crate) struct Settings {
    pub(crate) max_payload: usize,
    pub(crate) limits: Limits,
    pub(crate) orphans: Orphans,
    pub(crate) start_from: StartFrom,
    pub(crate) keep: Duration,
    pub(crate) is_strict: bool,
}

pub(crate) struct Threads {
    pub(crate) writer: JoinHandle<()>,
    /// Gets the claims that the relay held when it ends.
    pub(crate) relay: Receiver<Vec<Term>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lifecycle {
    #[default]
    Built,
    Started,
    Closed,
}

impl Lifecycle {
    pub(crate) fn check_built(self) -> Result<(), OutboxError> {
        match self {
            Self::Built => Ok(()),
            Self::Started => Err(OutboxError::Started),
            Self::Closed => Err(OutboxError::Closed),
        }
    }
}

/// A durable listener that the program has subscribed.
pub(crate) struct Subscription {
    pub(crate) number: Number,
    pub(crate) id: ListenerId,
    pub(crate) pattern: Pattern,
    pub(crate) info: Arc<Mutex<DurableInfo>>,
    /// The store knows it, or another process has it. Before that, an event may be stored before it begins.
    pub(crate) is_claimed: bool,
    /// It was removed. Its name is free once it has left, too.
    pub(crate) is_removed: bool,
    pub(crate) has_left: Arc<AtomicBool>,
    /// The store did not know its name before.
    pub(crate) is_new: bool,
}

impl Outbox {
    /// Starts to build an outbox that keeps its events in this store.
    pub fn builder(store: impl Store) -> OutboxBuilder {
        OutboxBuilder::new(store)
    }

    /// Looks for events that others have appended to the store: the program in a transaction of its own, or another process. One second later
    /// it looks for dead events that others have redriven.
    pub fn wake(&self) {
        self.inner.signals.wake();
    }

    /// What the outbox has done, in figures.
    pub fn stats(&self) -> OutboxStats {
        let inner = &self.inner;
        inner.figures.read(inner.queue.queued_events())
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    /// The ID of the store, which never changes.
    pub fn store_id(&self) -> EventId {
        self.inner.store_id
    }

    /// The event pool that the outbox wraps.
    pub fn event_pool(&self) -> &dyn Soiree {
        &*self.inner.soiree
    }

    /// A handle that does not keep the outbox alive: for listeners that emit.
    pub fn downgrade(&self) -> WeakOutbox {
        WeakOutbox(Arc::downgrade(&self.inner))
    }

    /// How long an event stays in the store after every listener has ended it.
    pub fn keep(&self) -> Duration {
        self.inner.settings.keep
    }
}

/// A handle that does not keep its [`Outbox`] alive. Returned by [`Outbox::downgrade`].
#[derive(Clone)]
pub struct WeakOutbox(Weak<Inner>);

impl WeakOutbox {
    /// The outbox, or `None` if its last handle was dropped.
    pub fn upgrade(&self) -> Option<Outbox> {
        self.0.upgrade().map(|inner| Outbox { inner })
    }
}

impl fmt::Debug for WeakOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakOutbox").finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn lifecycle(&self) -> MutexGuard<'_, Lifecycle> {
        self.lifecycle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn listeners(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Subscription>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without a close, the threads end by themselves: what waits is committed, and what runs is delivered again after the next start.
impl Drop for Inner {
    fn drop(&mut self) {
        // The relay closes the queue: its last marks say that what runs has not ended the process.
        if !self.signals.abandon() {
            self.queue.close();
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("store", &self.inner.store.name())
            .finish_non_exhaustive()
    }
}

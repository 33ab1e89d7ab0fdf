//! The handle that programs hold, and what all clones of it share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use soiree_core::panic::Contained;
use soiree_core::registry::RegistrationKey;
use soiree_core::{Listener, ListenerId, ListenerOptions, Pattern, SubscribeError};
use soiree_engine::{Emitter, EmitterOwner};

/// Emits events to listeners, on a bounded pool. A cheap handle: clones share listeners, settings and pool.
///
/// Every method may be called from anywhere, from inside the pool's own listeners too; no user code runs under a lock.
///
/// A listener that captures a clone keeps the `EventPool` alive until that listener is removed. To avoid that, capture what
/// [`downgrade`](EventPool::downgrade) returns.
///
/// If the last handle is dropped without a [`close`](EventPool::close), accepted events are still handled, as long as the process
/// runs. A pool that was passed by value then ends its threads. **A program that returns from `main` without a close loses what is
/// not handled yet**: see [`close_on_drop`](EventPool::close_on_drop). If emissions are left when the last handle is dropped, one line
/// on standard error says how many.
#[derive(Clone)]
pub struct EventPool {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) emitter: Emitter,
    id_generator: Mutex<Arc<IdGenerator>>,
    /// How many `Topic` handles each pattern has.
    pub(crate) topic_handles: Mutex<HashMap<Pattern, usize>>,
}

pub(crate) struct IdGenerator(Contained<Box<dyn Fn() -> ListenerId + Send + Sync>>);

/// A handle that does not keep its [`EventPool`] alive. Returned by [`EventPool::downgrade`].
#[derive(Clone)]
pub struct WeakEventPool(pub(crate) Weak<Inner>);

impl EventPool {
    pub(crate) fn add(
        &self,
        pattern: &Pattern,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        Ok(self.register(pattern, options, listener)?.0)
    }

    pub(crate) fn register(
        &self,
        pattern: &Pattern,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<(ListenerId, RegistrationKey), SubscribeError> {
        let id = self.inner.next_id();
        let emitter = &self.inner.emitter;
        let key = emitter.subscribe(pattern, id.clone(), options, listener)?;
        Ok((id, key))
    }
}

impl WeakEventPool {
    /// Returns the `EventPool`, or `None` if its last handle was dropped.
    pub fn upgrade(&self) -> Option<EventPool> {
        self.0.upgrade().map(|inner| EventPool { inner })
    }
}

impl EmitterOwner for Inner {
    fn emitter(&self) -> &Emitter {
        &self.emitter
    }
}

impl Inner {
    pub(crate) fn with_topic_handles<R>(
        &self,
        act: impl FnOnce(&mut HashMap<Pattern, usize>) -> R,
    ) -> R {
        let handles = self.topic_handles.lock();
        act(&mut handles.unwrap_or_else(PoisonError::into_inner))
    }
}

impl IdGenerator {
    pub(crate) fn new<I: Into<ListenerId>>(
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        Self(Contained::new(Box::new(move || generator().into())))
    }

    fn generate(&self) -> ListenerId {
        (self.0)()
    }
}

impl Inner {
    pub(crate) fn new(emitter: Emitter, id_generator: IdGenerator) -> Self {
        Self {
            emitter,
            id_generator: Mutex::new(Arc::new(id_generator)),
            topic_handles: Mutex::default(),
        }
    }

    pub(crate) fn next_id(&self) -> ListenerId {
        let generator = Arc::clone(&self.lock_id_generator());
        generator.generate()
    }

    pub(crate) fn set_id_generator(&self, generator: IdGenerator) {
        let mut generator = Arc::new(generator);
        std::mem::swap(&mut *self.lock_id_generator(), &mut generator);
        // Not under the lock: what the former one has captured is the user's.
        drop(generator);
    }

    fn lock_id_generator(&self) -> MutexGuard<'_, Arc<IdGenerator>> {
        let generator = self.id_generator.lock();
        generator.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for IdGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdGenerator")
    }
}

impl fmt::Debug for EventPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPool")
            .field("emitter", &self.inner.emitter)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakEventPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakEventPool").finish_non_exhaustive()
    }
}

//! What an `EventPool` is: a handle to settings, listeners and topics.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use soiree_core::{Listener, ListenerId, ListenerOptions, Pattern, SubscribeError};
use soiree_engine::Emitter;

/// Emits events to listeners, on a bounded pool. A cheap handle: clones share listeners, settings and pool.
///
/// Its methods may be called from anywhere, from inside its own listeners as well; no user code runs under a lock.
///
/// A listener that captures a clone keeps the `EventPool` alive until the listener is taken off; capture what
/// [`downgrade`](EventPool::downgrade) returns instead where that matters. When the last handle is dropped without a
/// [`close`](EventPool::close), what was emitted is still handled, and the threads of a pool that was handed over end
/// after that.
#[derive(Clone)]
pub struct EventPool {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) emitter: Emitter,
    pub(crate) id_generator: ArcSwap<IdGenerator>,
    /// Patterns that topic handles keep in existence, and how many handles do.
    pub(crate) ensured: Mutex<HashMap<Pattern, usize>>,
}

pub(crate) struct IdGenerator(Box<dyn Fn() -> ListenerId + Send + Sync>);

/// A handle that does not keep its [`EventPool`] alive.
#[derive(Clone)]
pub struct WeakEventPool(Weak<Inner>);

impl EventPool {
    pub(crate) fn weak(&self) -> WeakEventPool {
        WeakEventPool(Arc::downgrade(&self.inner))
    }

    pub(crate) fn add(
        &self,
        pattern: &Pattern,
        options: ListenerOptions,
        listener: Arc<dyn Listener>,
    ) -> Result<ListenerId, SubscribeError> {
        let id = self.inner.id_generator.load().generate();
        self.inner
            .emitter
            .subscribe(pattern, id.clone(), options, listener)?;
        Ok(id)
    }
}

impl WeakEventPool {
    /// A handle to no `EventPool`.
    pub(crate) fn dangling() -> Self {
        Self(Weak::new())
    }

    /// The `EventPool`, if it still lives.
    pub fn upgrade(&self) -> Option<EventPool> {
        self.0.upgrade().map(|inner| EventPool { inner })
    }
}

impl Inner {
    pub(crate) fn with_ensured<R>(&self, act: impl FnOnce(&mut HashMap<Pattern, usize>) -> R) -> R {
        act(&mut self.ensured.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IdGenerator {
    pub(crate) fn new<I: Into<ListenerId>>(
        generator: impl Fn() -> I + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(move || generator().into()))
    }

    pub(crate) fn generate(&self) -> ListenerId {
        (self.0)()
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

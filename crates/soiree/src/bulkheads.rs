//! Adding, resizing and draining bulkheads of a live `EventPool`, and the statistics of every pool.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use soiree_core::{BulkheadError, DrainTimeout, PoolHandle, PoolStats, ResizeError, WaitingStats};
use soiree_engine::{Bulkheads, KeyOrderStats};

use crate::handle::EventPool;

/// The statistics of an [`EventPool`]: of its emissions, of every pool, and of every order by key. Returned by [`EventPool::stats`].
///
/// # How the figures fit
/// What has started and not ended either waits or runs. If each emission has one listener,
///
/// ```text
/// in_flight == active + waiting.total()
/// ```
///
/// A second listener that runs apart from the first, on a pool of its own, as a future or in a retry, is one more on the right
/// side. So is a listener that runs on after its timeout, an `emit_sync` that waits for its turn, and other work of a pool that
/// the program submits to itself or shares with another `EventPool`. One less is an emission that a waiting thread runs, as no
/// pool has it then, or that is on a bulkhead which is being drained. At rest, both sides are 0.
///
/// Each figure is exact. All together they are of one moment only while nothing starts or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The default pool under the name `default`, then the bulkheads by name.
    pub pools: Vec<(Arc<str>, PoolStats)>,
    /// The events of each order by key that have not ended, the most specific pattern first.
    pub orders: Vec<KeyOrderStats>,
    /// Emissions that have started and not ended: that wait, run, or are to be retried. Those of `emit_sync` count while a listener
    /// of theirs runs on a pool of its own, or is to be retried.
    pub in_flight: u64,
    /// Jobs that run now, on all pools.
    pub active: usize,
    /// What waits, by cause: a sum over all pools and orders, with what no pool has taken yet, and with events of orders that
    /// were removed or replaced.
    pub waiting: WaitingStats,
    /// Retries that have not started: those of `waiting.retry`, and those that are due and wait in or for their pool.
    pub retries: usize,
    /// Calls of listeners that found the listener's own pool full, or had to wait for their turn
    /// ([`max_concurrent`](crate::ListenerOptions::max_concurrent)), and have not started. They wait for their turn, or in or for their
    /// pool.
    pub waiting_calls: usize,
}

impl Stats {
    /// Returns the statistics of the pool of this name.
    pub fn get(&self, name: &str) -> Option<&PoolStats> {
        let mut pools = self.pools.iter();
        pools
            .find(|(known, _)| **known == *name)
            .map(|(_, stats)| stats)
    }
}

/// [`EventPool::resize_bulkhead`] did not resize a bulkhead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeBulkheadError {
    /// There is no such bulkhead.
    #[error(transparent)]
    Bulkhead(#[from] BulkheadError),
    /// The pool rejected the new limit.
    #[error("the bulkhead {name:?} was not resized: {source}")]
    Resize {
        /// The name of the bulkhead.
        name: Box<str>,
        /// Why.
        source: ResizeError,
    },
}

/// [`EventPool::drain_bulkhead_with_deadline`] did not drain a bulkhead, or not in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DrainBulkheadError {
    /// There is no such bulkhead.
    #[error(transparent)]
    Bulkhead(#[from] BulkheadError),
    /// The deadline passed first. The bulkhead is removed all the same. The reports of discarded emissions say so.
    #[error("the bulkhead {name:?} was not drained in time: {source}")]
    DrainTimeout {
        /// The name of the bulkhead.
        name: Box<str>,
        /// How many jobs were still active, and how many were discarded.
        source: DrainTimeout,
    },
}

/// # Bulkheads
impl EventPool {
    /// Adds a bulkhead: a pool for one kind of work. [`add_route`](EventPool::add_route) says which topics go there. See
    /// [`Builder::bulkhead`](crate::Builder::bulkhead).
    ///
    /// # Errors
    /// If the name is empty, unprintable, `default` or taken, or the `EventPool` is closed.
    ///
    /// ```
    /// use soiree::{EventPool, WorkerPool};
    ///
    /// let soiree = EventPool::new();
    /// soiree.add_bulkhead("mail", WorkerPool::new(4, 100)?)?;
    /// soiree.add_route("mail.**", "mail")?;
    /// soiree.resize_bulkhead("mail", 8)?;
    /// soiree.drain_bulkhead("mail")?;
    /// # soiree.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_bulkhead(
        &self,
        name: &str,
        pool: impl Into<PoolHandle>,
    ) -> Result<(), BulkheadError> {
        let pool = pool.into();
        let emitter = &self.inner.emitter;
        // A clone: the closure runs under a lock, and dropping a pool runs user code.
        emitter.try_update(|settings| settings.bulkheads.add(name, pool.clone()))?;
        if emitter.is_closed() {
            // The close may have missed it. Dropping the pool ends it as a release would.
            let _ = emitter.try_update(|settings| settings.bulkheads.remove(name));
            return Err(BulkheadError::Closed);
        }
        Ok(())
    }

    /// Runs later emissions on topics that match the pattern on the bulkhead of this name. See
    /// [`Builder::route`](crate::Builder::route).
    ///
    /// A pattern has one route: a new one replaces the old one at once, without a gap.
    ///
    /// # Errors
    /// If the pattern is malformed, no bulkhead has this name, or another route is equally specific.
    pub fn add_route(&self, pattern: &str, bulkhead: &str) -> Result<(), BulkheadError> {
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.bulkheads.route(pattern, bulkhead))
    }

    /// Removes the route of exactly this pattern. Returns `false` if there was none.
    pub fn remove_route(&self, pattern: &str) -> bool {
        let removed = self.inner.emitter.try_update(|settings| {
            let removed = settings.bulkheads.remove_route(pattern);
            removed.then_some(()).ok_or(())
        });
        removed.is_ok()
    }

    /// Changes how many workers a bulkhead may have. The name `default` stands for the default pool.
    ///
    /// # Errors
    /// If no bulkhead has this name, or its pool rejects the new limit.
    pub fn resize_bulkhead(
        &self,
        name: &str,
        max_workers: usize,
    ) -> Result<(), ResizeBulkheadError> {
        let settings = self.inner.emitter.settings();
        let handle = match name {
            Bulkheads::DEFAULT => &settings.pool,
            name => settings.bulkheads.get(name)?,
        };
        let from = handle.pool().stats().max_workers;
        let resized = handle.pool().resize(max_workers);
        resized.map_err(|source| ResizeBulkheadError::Resize {
            name: name.into(),
            source,
        })?;
        let observers = &settings.handlers.observers;
        observers.resized(name, from, max_workers);
        Ok(())
    }

    /// Removes a bulkhead and its routes, and waits until the pool has run every accepted job. Nothing is lost: emissions made
    /// meanwhile go where the other routes lead.
    ///
    /// Does not wait for a shared pool (an `Arc`), which is left running. A worker of the bulkhead that calls this does not wait
    /// for itself. Where [a wait would deadlock](crate::pool::Pool::wait_would_deadlock), as inside an async listener, this does not
    /// wait at all: the pool is closed, and runs its accepted jobs.
    ///
    /// # Errors
    /// If no bulkhead has this name.
    pub fn drain_bulkhead(&self, name: &str) -> Result<(), BulkheadError> {
        let handle = self.remove_bulkhead(name)?;
        if handle.is_owned() {
            handle.pool().release();
        }
        Ok(())
    }

    /// Drains as [`drain_bulkhead`](EventPool::drain_bulkhead) does, and waits until `deadline` at the latest. At the deadline,
    /// the pool discards jobs that have not started.
    ///
    /// # Errors
    /// If no bulkhead has this name, or the deadline passes first. Also where this does not wait, and other jobs are left; nothing is
    /// discarded then.
    pub fn drain_bulkhead_with_deadline(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<(), DrainBulkheadError> {
        let handle = self.remove_bulkhead(name)?;
        if !handle.is_owned() {
            return Ok(());
        }
        let drained = handle.pool().release_with_deadline(deadline);
        drained.map_err(|source| DrainBulkheadError::DrainTimeout {
            name: name.into(),
            source,
        })
    }

    pub(crate) fn remove_bulkhead(&self, name: &str) -> Result<PoolHandle, BulkheadError> {
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.bulkheads.remove(name))
    }

    /// Returns the statistics of the default pool.
    pub fn pool_stats(&self) -> PoolStats {
        self.inner.emitter.pool().stats()
    }

    /// Returns the statistics of the emissions, of every pool, and of every [order by key](crate::KeyOrder). [`Stats`] says how
    /// they fit.
    ///
    /// ```
    /// # use soiree::{EventPool, WorkerPool};
    /// let soiree = EventPool::builder()
    ///     .bulkhead("mail", WorkerPool::new(4, 100)?)
    ///     .build()?;
    /// for (name, stats) in soiree.stats().pools {
    ///     println!("{name}: {} of {} waiting", stats.waiting, stats.capacity);
    /// }
    /// assert_eq!(soiree.stats().get("mail").map(|stats| stats.max_workers), Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let emitter = &self.inner.emitter;
        let settings = emitter.settings();
        let bulkheads = settings.bulkheads.iter();
        let bulkheads = bulkheads.map(|(name, handle)| (Arc::clone(name), handle));
        let default = (Bulkheads::DEFAULT.into(), &settings.pool);
        let mut waiting = emitter.waiting();
        let (mut active, mut seen) = (0, HashSet::new());
        let pools = std::iter::once(default).chain(bulkheads);
        let pools = pools.map(|(name, handle)| {
            let pool = handle.pool();
            let stats = pool.stats();
            // A pool may have two names.
            if seen.insert(Arc::as_ptr(pool).cast::<()>()) {
                active += stats.active;
                waiting.blocked += stats.blocked;
                waiting.place += stats.requeued;
                waiting.queue += stats.waiting;
            }
            (name, stats)
        });
        Stats {
            pools: pools.collect(),
            orders: emitter.order_stats(),
            in_flight: emitter.in_flight(),
            active,
            waiting,
            retries: emitter.waiting_retries(),
            waiting_calls: emitter.waiting_calls(),
        }
    }
}

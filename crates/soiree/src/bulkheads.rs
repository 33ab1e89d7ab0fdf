//! Adding, resizing and draining bulkheads of a live `EventPool`, and every pool's figures.

use std::sync::Arc;
use std::time::Instant;

use soiree_core::{BulkheadError, DrainTimeout, PoolHandle, PoolStats, ResizeError};
use soiree_engine::{Bulkheads, KeyOrderStats};

use crate::handle::EventPool;

/// The figures of an [`EventPool`]: of every pool, and of what is ordered by key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The default pool first, called `default`; then the bulkheads in the order of their names.
    pub pools: Vec<(Arc<str>, PoolStats)>,
    /// What is on its way by each order by key, the most specific pattern first.
    pub orders: Vec<KeyOrderStats>,
}

impl Stats {
    /// The figures of the pool of this name.
    pub fn get(&self, name: &str) -> Option<&PoolStats> {
        let mut pools = self.pools.iter();
        pools
            .find(|(known, _)| **known == *name)
            .map(|(_, stats)| stats)
    }
}

/// A bulkhead was not resized.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResizeBulkheadError {
    /// There is no such bulkhead.
    #[error(transparent)]
    Bulkhead(#[from] BulkheadError),
    /// Its pool refused.
    #[error("the bulkhead {name:?} was not resized: {source}")]
    Resize {
        /// The name of the bulkhead.
        name: Box<str>,
        /// Why not.
        source: ResizeError,
    },
}

/// A bulkhead was not drained, or not in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DrainBulkheadError {
    /// There is no such bulkhead.
    #[error(transparent)]
    Bulkhead(#[from] BulkheadError),
    /// The deadline came first. The bulkhead is taken off, and this was left; what was discarded says so in its report.
    #[error("the bulkhead {name:?} was not drained in time: {source}")]
    DrainTimeout {
        /// The name of the bulkhead.
        name: Box<str>,
        /// What was left.
        source: DrainTimeout,
    },
}

/// # Bulkheads
impl EventPool {
    /// Adds a pool of its own for one kind of work. Emissions go there once [`add_route`](EventPool::add_route) says so.
    ///
    /// # Errors
    /// If the name is empty, `default` or taken, or the `EventPool` is closed.
    pub fn add_bulkhead(
        &self,
        name: &str,
        pool: impl Into<PoolHandle>,
    ) -> Result<(), BulkheadError> {
        let pool = pool.into();
        let emitter = &self.inner.emitter;
        // A clone, since a pool that is not added must not be dropped in there: its `Drop` is user code.
        emitter.try_update(|settings| settings.bulkheads.add(name, pool.clone()))?;
        if emitter.is_closed() {
            // Whether the close has seen it is open; a pool that is dropped ends like one that is released.
            let _ = emitter.try_update(|settings| settings.bulkheads.remove(name));
            return Err(BulkheadError::Closed);
        }
        Ok(())
    }

    /// Runs what is emitted from now on on topics that match the pattern on the bulkhead of this name. See
    /// [`Builder::route`](crate::Builder::route). A pattern has one route: a later one replaces it, at once and without a gap.
    ///
    /// # Errors
    /// If the pattern is malformed, there is no such bulkhead, or another route is equally specific.
    pub fn add_route(&self, pattern: &str, bulkhead: &str) -> Result<(), BulkheadError> {
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.bulkheads.route(pattern, bulkhead))
    }

    /// Takes off the route of exactly this pattern. Whether there was one.
    pub fn remove_route(&self, pattern: &str) -> bool {
        let removed = self.inner.emitter.try_update(|settings| {
            let removed = settings.bulkheads.remove_route(pattern);
            removed.then_some(()).ok_or(())
        });
        removed.is_ok()
    }

    /// Changes how many workers a bulkhead may have; of the default pool, if the name is `default`.
    ///
    /// # Errors
    /// If there is no such bulkhead, or its pool cannot be resized so.
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

    /// Takes a bulkhead and the routes to it off, and waits until what it had accepted has run. What is emitted meanwhile goes
    /// where it goes without it; nothing is lost.
    ///
    /// A shared pool (an `Arc`) is left running, and not waited for. On a worker of the bulkhead, that worker is not waited for.
    ///
    /// # Errors
    /// If there is no such bulkhead.
    pub fn drain_bulkhead(&self, name: &str) -> Result<(), BulkheadError> {
        let handle = self.take_bulkhead(name)?;
        if handle.is_owned() {
            handle.pool().release();
        }
        Ok(())
    }

    /// As [`drain_bulkhead`](EventPool::drain_bulkhead), waiting until `deadline` at the latest.
    ///
    /// # Errors
    /// If there is no such bulkhead, or the deadline came first.
    pub fn drain_bulkhead_with_deadline(
        &self,
        name: &str,
        deadline: Instant,
    ) -> Result<(), DrainBulkheadError> {
        let handle = self.take_bulkhead(name)?;
        if !handle.is_owned() {
            return Ok(());
        }
        let drained = handle.pool().release_with_deadline(deadline);
        drained.map_err(|source| DrainBulkheadError::DrainTimeout {
            name: name.into(),
            source,
        })
    }

    fn take_bulkhead(&self, name: &str) -> Result<PoolHandle, BulkheadError> {
        let emitter = &self.inner.emitter;
        emitter.try_update(|settings| settings.bulkheads.remove(name))
    }

    /// The pool's figures.
    pub fn pool_stats(&self) -> PoolStats {
        self.inner.emitter.pool().stats()
    }

    /// The figures of every pool, by name, and of what is [ordered by key](crate::KeyOrder).
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
        let settings = self.inner.emitter.settings();
        let default = (Bulkheads::DEFAULT.into(), settings.pool.pool().stats());
        let bulkheads = settings.bulkheads.iter();
        let bulkheads = bulkheads.map(|(name, handle)| (Arc::clone(name), handle.pool().stats()));
        Stats {
            pools: std::iter::once(default).chain(bulkheads).collect(),
            orders: settings.orders.stats(),
        }
    }
}

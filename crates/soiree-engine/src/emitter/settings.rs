//! The settings of an emitter, and changing them.

use std::sync::{Arc, Weak};

use soiree_core::{Pool, Timer};

use super::current::{Current, pools_of};
use super::emit::Emitter;
use crate::emission::OrderQueues;
use crate::settings::Settings;

impl Emitter {
    /// The queues of all orders, also of those that were removed or replaced.
    pub(super) fn order_queues(&self) -> Vec<Arc<OrderQueues>> {
        // Dropped without the lock: they may be the last handles.
        let former = self.former_orders().clone();
        let former = former.iter().filter_map(Weak::upgrade);
        let current = self.current();
        let orders = current.orders().iter();
        orders
            .map(|order| Arc::clone(&order.queues))
            .chain(former)
            .collect()
    }

    /// The settings that apply now.
    pub fn settings(&self) -> Settings {
        self.current().settings.clone()
    }

    /// The default pool.
    pub fn pool(&self) -> Arc<dyn Pool> {
        self.with_current(|current| Arc::clone(current.settings.pool.pool()))
    }

    /// The timer of the settings. While one of its tasks runs, the emitter knows that its thread must not wait.
    pub fn timer(&self) -> Option<Arc<dyn Timer>> {
        self.current().timer()
    }

    /// Changes the settings of emissions that start afterwards. Those that have started keep theirs.
    ///
    /// `change` runs with the settings locked. It must not call this emitter, which would deadlock.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        self.try_update(|settings| {
            change(settings);
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap_or_else(|never| match never {});
    }

    /// As [`update`](Emitter::update), but nothing changes if `change` fails.
    ///
    /// # Errors
    /// What `change` returns.
    pub fn try_update<R, E>(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut former_orders = self.former_orders();
        let before = self.current();
        let mut settings = before.settings.clone();
        let changed = change(&mut settings)?;
        // `before` holds what is replaced here, so no `Drop` of a user runs under the lock.
        let observers = settings.handlers.observers.clone();
        self.shared.registry.observe(observers.clone());
        self.shared.addressed.observe(observers);
        let pools = pools_of(&settings, Some(&before.pools));
        let next = Current::new(&self.shared, settings, Arc::clone(&pools), Some(&before));
        let replaced = self.generations.set(Arc::clone(&next));
        let old = self.replace_current(Arc::clone(&next));
        let former_pools = self.shared.pools.replace(&pools);
        former_orders.retain(|queues| queues.strong_count() > 0);
        let removed = before.orders_not_in(&next);
        former_orders.extend(removed.map(|order| Arc::downgrade(&order.queues)));
        drop(former_orders);
        self.generations.retire(replaced);
        drop((old.into_last(), before, former_pools, next));
        Ok(changed)
    }
}

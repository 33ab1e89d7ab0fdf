//! The settings that apply now, and what is derived from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use soiree_core::{Pool, PoolHandle};

use crate::emission::{ActiveOrder, EmissionSettings, EmitterShared, PoolRef};
use crate::ordering::KeyOrderStats;
use crate::routing::Bulkheads;
use crate::settings::Settings;

/// The settings that apply now, and what is derived from them.
pub(super) struct Current {
    pub(super) settings: Settings,
    default: Arc<EmissionSettings>,
    bulkheads: BTreeMap<Arc<str>, (PoolHandle, Arc<EmissionSettings>)>,
    /// The most specific first.
    orders: Vec<Arc<ActiveOrder>>,
}

impl Current {
    /// What applies with these settings. Rules that stay in force keep their queues.
    pub(super) fn new(
        shared: &Arc<EmitterShared>,
        settings: Settings,
        before: Option<&Self>,
    ) -> Arc<Self> {
        let pool_ref = |name: &Arc<str>, pool| (Arc::clone(name), PoolRef::new(name, pool));
        let named = settings.bulkheads.iter();
        let named = named.map(|(name, pool)| pool_ref(name, pool));
        let default = pool_ref(&Bulkheads::DEFAULT.into(), &settings.pool);
        let pools: Arc<BTreeMap<Arc<str>, Arc<PoolRef>>> =
            Arc::new(std::iter::once(default).chain(named).collect());
        let routes = settings.bulkheads.routes();
        let routes: Arc<[_]> = routes
            .map(|(pattern, to)| (pattern.clone(), Arc::clone(to)))
            .collect();
        let emission_settings = |name: &str| {
            Arc::new(EmissionSettings {
                shared: Arc::clone(shared),
                handlers: settings.handlers.clone(),
                error_buffer: settings.error_buffer,
                pool: Arc::clone(&pools[name]),
                timer: settings.timer.clone(),
                retry_capacity: settings.retry_capacity,
                pools: Arc::clone(&pools),
                routes: Arc::clone(&routes),
            })
        };
        let bulkheads = settings.bulkheads.iter();
        let bulkheads = bulkheads.map(|(name, pool)| {
            let settings = emission_settings(name);
            (Arc::clone(name), (pool.clone(), settings))
        });
        let orders = settings.orders.rules().iter().map(|rule| {
            let mut before = before.iter().flat_map(|before| &before.orders);
            let kept = before.find(|active| Arc::ptr_eq(&active.rule, rule));
            kept.map_or_else(|| Arc::new(ActiveOrder::new(rule)), Arc::clone)
        });
        Arc::new(Self {
            default: emission_settings(Bulkheads::DEFAULT),
            bulkheads: bulkheads.collect(),
            orders: orders.collect(),
            settings,
        })
    }

    /// The pool of an emission on this topic, and its settings.
    pub(super) fn route(&self, topic: &str) -> (&PoolHandle, &Arc<EmissionSettings>) {
        let named = self.settings.bulkheads.for_topic(topic);
        match named.and_then(|name| self.bulkheads.get(name)) {
            Some((pool, settings)) => (pool, settings),
            None => (&self.settings.pool, &self.default),
        }
    }

    /// The order that applies to a topic.
    #[inline]
    pub(super) fn order_of(&self, topic: &str) -> Option<&Arc<ActiveOrder>> {
        let mut orders = self.orders.iter();
        orders.find(|order| order.rule.pattern.matches(topic))
    }

    pub(super) fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }

    /// The statistics of every order, the most specific first.
    pub(super) fn order_stats(&self) -> Vec<KeyOrderStats> {
        self.orders.iter().map(|order| order.stats()).collect()
    }

    /// The settings of emissions on each pool.
    pub(super) fn each_pool(&self) -> impl Iterator<Item = &Arc<EmissionSettings>> {
        let bulkheads = self.bulkheads.values().map(|(_, settings)| settings);
        std::iter::once(&self.default).chain(bulkheads)
    }

    /// Marks the bulkheads of emissions with former settings that have been removed since.
    pub(super) fn mark_removed(&self, former: &EmissionSettings) {
        for (name, pool_ref) in &*former.pools {
            let is_same =
                |(_, handle): (_, &PoolHandle)| address(handle.pool()) == pool_ref.address();
            if **name != *Bulkheads::DEFAULT && !self.settings.bulkheads.iter().any(is_same) {
                pool_ref.set_removed();
            }
        }
    }

    /// Every pool that is released when the emitter closes.
    pub(super) fn owned_pools(&self) -> Vec<PoolHandle> {
        let bulkheads = self.settings.bulkheads.iter().map(|(_, pool)| pool);
        let pools = std::iter::once(&self.settings.pool).chain(bulkheads);
        pools.filter(|pool| pool.is_owned()).cloned().collect()
    }
}

/// Stands for a pool in a [`Frame`](crate::context::Frame).
pub(super) fn address(pool: &Arc<dyn Pool>) -> usize {
    Arc::as_ptr(pool).cast::<()>().addr()
}

//! The settings that apply now, and what is derived from them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use soiree_core::{Pool, PoolHandle};

use crate::emission::{ActiveOrder, EmissionSettings, EmitterShared, EmitterTimer, PoolRef, Pools};
use crate::ordering::KeyOrderStats;
use crate::routing::Bulkheads;
use crate::settings::Settings;

/// The settings that apply now, and what is derived from them.
pub(super) struct Current {
    pub(super) settings: Settings,
    pub(super) pools: Arc<Pools>,
    default: Arc<EmissionSettings>,
    bulkheads: BTreeMap<Arc<str>, (PoolHandle, Arc<EmissionSettings>)>,
    /// The most specific first.
    orders: Vec<Arc<ActiveOrder>>,
    /// Emissions hold values of the user's that a kept payload must not keep alive.
    pub(super) payloads_apart: bool,
}

/// The pools of these settings. Those that were there before stay the same.
pub(super) fn pools_of(settings: &Settings, before: Option<&Pools>) -> Arc<Pools> {
    let pool_ref = |name: &Arc<str>, handle: &PoolHandle| {
        let kept = before.and_then(|before| before.get(name));
        let kept = kept.filter(|pool_ref| pool_ref.is_of(handle));
        kept.map_or_else(|| PoolRef::new(name, handle), Arc::clone)
    };
    let default = pool_ref(&Bulkheads::DEFAULT.into(), &settings.pool);
    let bulkheads = settings.bulkheads.iter();
    let bulkheads = bulkheads.map(|(name, handle)| pool_ref(name, handle));
    Arc::new(Pools::new(default, bulkheads, settings.bulkheads.routes()))
}

impl Current {
    /// What applies with these settings and their pools. Rules that stay in force keep their queues.
    pub(super) fn new(
        shared: &Arc<EmitterShared>,
        settings: Settings,
        pools: Arc<Pools>,
        before: Option<&Self>,
    ) -> Arc<Self> {
        let address = Arc::as_ptr(shared).addr();
        let timer = settings.timer.clone();
        let timer = timer.map(|timer| EmitterTimer::wrap(timer, address));
        let emission_settings = |pool_ref: &Arc<PoolRef>| {
            Arc::new(EmissionSettings {
                shared: Arc::clone(shared),
                handlers: settings.handlers.clone(),
                error_buffer: settings.error_buffer,
                pool: Arc::clone(pool_ref),
                timer: timer.clone(),
                retry_capacity: settings.retry_capacity,
                waiting_capacity: settings.waiting_capacity,
                pools: Arc::clone(&pools),
            })
        };
        let default = emission_settings(pools.default());
        let bulkheads = settings.bulkheads.iter().filter_map(|(name, handle)| {
            let settings = emission_settings(pools.get(name)?);
            Some((Arc::clone(name), (handle.clone(), settings)))
        });
        let bulkheads = bulkheads.collect();
        let kept = before.map_or(&[][..], |before| &before.orders).iter();
        let kept: HashMap<_, _> = kept.map(|kept| (Arc::as_ptr(&kept.rule), kept)).collect();
        let orders = settings.orders.rules().iter().map(|rule| {
            let kept = kept.get(&Arc::as_ptr(rule));
            kept.map_or_else(|| Arc::new(ActiveOrder::new(rule)), |kept| Arc::clone(kept))
        });
        let orders = orders.collect();
        Arc::new(Self {
            payloads_apart: settings.payloads_apart || settings.handlers.are_any(),
            settings,
            pools,
            default,
            bulkheads,
            orders,
        })
    }

    /// The pool of an emission on this topic, and its settings.
    #[inline]
    pub(super) fn route(&self, topic: &str) -> (&PoolHandle, &Arc<EmissionSettings>) {
        match self.pools.route(topic) {
            None => (&self.settings.pool, &self.default),
            Some(pool_ref) => self.bulkhead(pool_ref),
        }
    }

    fn bulkhead(&self, pool_ref: &PoolRef) -> (&PoolHandle, &Arc<EmissionSettings>) {
        let bulkhead = self.bulkheads.get(&pool_ref.name);
        bulkhead.map_or(
            (&self.settings.pool, &self.default),
            |(handle, settings)| (handle, settings),
        )
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

    pub(super) fn orders(&self) -> &[Arc<ActiveOrder>] {
        &self.orders
    }

    /// The orders that `next` does not have.
    pub(super) fn orders_not_in(&self, next: &Self) -> impl Iterator<Item = &Arc<ActiveOrder>> {
        let next: HashSet<_> = next.orders.iter().map(Arc::as_ptr).collect();
        let orders = self.orders.iter();
        orders.filter(move |order| !next.contains(&Arc::as_ptr(order)))
    }

    /// The statistics of every order, the most specific first.
    pub(super) fn order_stats(&self) -> Vec<KeyOrderStats> {
        self.orders.iter().map(|order| order.stats()).collect()
    }

    /// Every pool.
    pub(super) fn handles(&self) -> Vec<PoolHandle> {
        let bulkheads = self.settings.bulkheads.iter().map(|(_, pool)| pool);
        let pools = std::iter::once(&self.settings.pool).chain(bulkheads);
        pools.cloned().collect()
    }

    /// Every pool that is released when the emitter closes.
    pub(super) fn owned_pools(&self) -> Vec<PoolHandle> {
        let pools = self.handles().into_iter();
        pools.filter(PoolHandle::is_owned).collect()
    }
}

/// Stands for a pool in a [`Frame`](crate::context::Frame).
pub(super) fn address(pool: &Arc<dyn Pool>) -> usize {
    Arc::as_ptr(pool).cast::<()>().addr()
}

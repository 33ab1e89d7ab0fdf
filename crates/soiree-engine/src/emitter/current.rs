//! The settings that apply now, and what is derived from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use soiree_core::panic::Contained;
use soiree_core::registry::Registration;
use soiree_core::{Interest, Pool, PoolHandle, Timer};

use crate::emission::{ActiveOrder, EmissionSettings, EmitterShared, EmitterTimer, PoolRef, Pools};
use crate::ordering::{KeyOrderStats, KeyOrders, OrderRule};
use crate::routing::{Bulkheads, PatternRules};
use crate::settings::Settings;

/// The settings that apply now, and what is derived from them.
pub(super) struct Current {
    pub(super) settings: Settings,
    pub(super) pools: Arc<Pools>,
    default: Arc<EmissionSettings>,
    bulkheads: BTreeMap<Arc<str>, (PoolHandle, Arc<EmissionSettings>)>,
    orders: Arc<Orders>,
    /// Emissions hold values of the user's that a kept payload must not keep alive.
    pub(super) payloads_apart: bool,
    /// Nobody is notified of an emission that starts, and nothing is ordered.
    pub(super) launches_at_once: bool,
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
    Arc::new(Pools::new(
        default,
        bulkheads,
        settings.bulkheads.rules().clone(),
    ))
}

/// The orders by key, and the queues of each.
struct Orders {
    rules: PatternRules<Arc<ActiveOrder>>,
    /// The most specific first.
    sorted: Vec<Arc<ActiveOrder>>,
    by_rule: HashMap<usize, Arc<ActiveOrder>, RandomState>,
}

impl Orders {
    /// Rules that stay in force keep their queues.
    fn new(orders: &KeyOrders, before: Option<&Self>) -> Arc<Self> {
        let active = |rule: &Arc<OrderRule>| {
            let kept = before.and_then(|before| before.by_rule.get(&address_of(rule)));
            kept.map_or_else(|| Arc::new(ActiveOrder::new(rule)), Arc::clone)
        };
        let rules = orders.map(active);
        let sorted = rules.sorted().into_iter();
        let sorted: Vec<_> = sorted.map(|rule| Arc::clone(&rule.rule)).collect();
        let by_rule = sorted.iter();
        let by_rule = by_rule.map(|order| (address_of(&order.rule), Arc::clone(order)));
        let by_rule = by_rule.collect();
        Arc::new(Self {
            rules,
            sorted,
            by_rule,
        })
    }
}

fn address_of(rule: &Arc<OrderRule>) -> usize {
    Arc::as_ptr(rule).addr()
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
                bare_timer: settings.timer.clone().map(Contained::new),
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
        let orders = match before {
            Some(before) if before.settings.orders.is_same(&settings.orders) => {
                Arc::clone(&before.orders)
            }
            before => Orders::new(&settings.orders, before.map(|before| &*before.orders)),
        };
        let is_ordered = !orders.sorted.is_empty() || settings.has_ordered_listeners;
        Arc::new(Self {
            launches_at_once: !settings.handlers.observers.want(Interest::EMISSIONS) && !is_ordered,
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
            Some(name) => self.bulkhead(name),
        }
    }

    /// The pool of an emission on this topic that calls this listener alone, and its settings.
    pub(super) fn route_to(
        &self,
        registration: &Registration,
        topic: &str,
    ) -> (&PoolHandle, &Arc<EmissionSettings>) {
        let own = registration.pool();
        match own.filter(|name| self.pools.get(name).is_some()) {
            Some(name) => self.bulkhead(name),
            None => self.route(topic),
        }
    }

    fn bulkhead(&self, name: &str) -> (&PoolHandle, &Arc<EmissionSettings>) {
        let bulkhead = self.bulkheads.get(name);
        bulkhead.map_or(
            (&self.settings.pool, &self.default),
            |(handle, settings)| (handle, settings),
        )
    }

    pub(super) fn timer(&self) -> Option<Arc<dyn Timer>> {
        self.default.timer.clone()
    }

    /// The order that applies to a topic.
    #[inline]
    pub(super) fn order_of(&self, topic: &str) -> Option<&Arc<ActiveOrder>> {
        self.orders.rules.of_topic(topic)
    }

    /// Whether events, or the calls of a listener, are ordered by key.
    #[inline]
    pub(super) fn orders_anything(&self) -> bool {
        self.has_orders() || self.settings.has_ordered_listeners
    }

    pub(super) fn has_orders(&self) -> bool {
        !self.orders.sorted.is_empty()
    }

    pub(super) fn orders(&self) -> &[Arc<ActiveOrder>] {
        &self.orders.sorted
    }

    /// The orders that `next` does not have.
    pub(super) fn orders_not_in(&self, next: &Self) -> impl Iterator<Item = &Arc<ActiveOrder>> {
        let is_changed = !Arc::ptr_eq(&self.orders, &next.orders);
        let orders = is_changed.then_some(&self.orders.sorted).into_iter();
        let is_gone = |order: &&Arc<ActiveOrder>| {
            let same = next.orders.by_rule.get(&address_of(&order.rule));
            !same.is_some_and(|same| Arc::ptr_eq(same, order))
        };
        orders.flatten().filter(is_gone)
    }

    /// The statistics of every order, the most specific first.
    pub(super) fn order_stats(&self) -> Vec<KeyOrderStats> {
        self.orders().iter().map(|order| order.stats()).collect()
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

//! The pools of an emitter at one moment, and which topics go where.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};

use soiree_core::WorkerContext;
use soiree_core::sync::{Mutex, MutexGuard};

use super::pool_ref::PoolRef;
use crate::context::inside_frame;
use crate::routing::PatternRules;

/// Every pool by name, and the routes to them.
pub(crate) struct Pools {
    by_name: BTreeMap<Arc<str>, Arc<PoolRef>>,
    default: Arc<PoolRef>,
    /// The names that topics are routed to.
    routes: PatternRules<Arc<str>>,
    /// The addresses of all pools, in order.
    addresses: Vec<usize>,
    /// The numbers by which threads know what they work for, in order, with the addresses of these pools.
    numbers: Vec<(u64, usize)>,
    /// The pools that have no such number: each has to be asked.
    unnumbered: Vec<Arc<PoolRef>>,
}

impl Pools {
    pub(crate) fn new(
        default: Arc<PoolRef>,
        bulkheads: impl Iterator<Item = Arc<PoolRef>>,
        routes: PatternRules<Arc<str>>,
    ) -> Self {
        let all = std::iter::once(Arc::clone(&default)).chain(bulkheads);
        let by_name: BTreeMap<_, _> = all.map(|pool| (Arc::clone(&pool.name), pool)).collect();
        let (mut addresses, mut numbers, mut unnumbered) = (Vec::new(), Vec::new(), Vec::new());
        for pool in by_name.values() {
            addresses.push(pool.address());
            match pool.context_number() {
                Some(number) => numbers.push((number, pool.address())),
                None => unnumbered.push(Arc::clone(pool)),
            }
        }
        addresses.sort_unstable();
        numbers.sort_unstable();
        Self {
            by_name,
            default,
            routes,
            addresses,
            numbers,
            unnumbered,
        }
    }

    pub(crate) fn default(&self) -> &Arc<PoolRef> {
        &self.default
    }

    /// Whether the calling thread works for one of the pools, other than the one with this address. It takes the same time however many
    /// pools there are, but for those that have to be asked.
    pub(crate) fn is_on_one_but(&self, pool: usize) -> bool {
        let is_other = |address: usize| address != pool;
        let has_number = |number: u64| {
            let start = self.numbers.partition_point(|(other, _)| *other < number);
            let rest = self.numbers[start..].iter();
            // Several, if they wrap the same pool.
            rest.take_while(|(other, _)| *other == number)
                .any(|(_, address)| is_other(*address))
        };
        let mut unnumbered = self.unnumbered.iter();
        inside_frame(|frame| {
            is_other(frame.pool) && self.addresses.binary_search(&frame.pool).is_ok()
        }) || WorkerContext::any_entered(has_number)
            || unnumbered.any(|pool| is_other(pool.address()) && pool.is_here())
    }

    /// The name of the pool that a topic has a route to, if it has one.
    #[inline]
    pub(crate) fn route(&self, topic: &str) -> Option<&Arc<str>> {
        self.routes.of_topic(topic)
    }

    /// The pool of a topic.
    pub(crate) fn for_topic(&self, topic: &str) -> &Arc<PoolRef> {
        let name = self.route(topic);
        name.and_then(|name| self.get(name))
            .unwrap_or(&self.default)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<PoolRef>> {
        self.by_name.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<PoolRef>> {
        self.by_name.values()
    }

    pub(crate) fn contains(&self, pool_ref: &Arc<PoolRef>) -> bool {
        let same_name = self.by_name.get(&pool_ref.name);
        same_name.is_some_and(|pool| Arc::ptr_eq(pool, pool_ref))
    }
}

/// The pools that apply now, and those that were replaced or removed while work may still be on them.
pub(crate) struct CurrentPools(Mutex<State>);

struct State {
    now: Arc<Pools>,
    former: Vec<Weak<PoolRef>>,
}

impl CurrentPools {
    pub(crate) fn new(pools: Arc<Pools>) -> Self {
        let state = State {
            now: pools,
            former: Vec::new(),
        };
        Self(Mutex::new(state))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Arc<Pools> {
        Arc::clone(&self.lock().now)
    }

    /// Takes other pools into use. Returns the former ones, to be dropped without a lock.
    #[must_use]
    pub(crate) fn replace(&self, next: &Arc<Pools>) -> Arc<Pools> {
        let mut state = self.lock();
        let before = std::mem::replace(&mut state.now, Arc::clone(next));
        state.former.retain(|pool_ref| pool_ref.strong_count() > 0);
        let removed = before.iter().filter(|pool_ref| !next.contains(pool_ref));
        state.former.extend(removed.map(Arc::downgrade));
        before
    }

    /// The name of a pool whose jobs cannot end while the calling thread waits for them.
    pub(crate) fn would_deadlock(&self) -> Option<Box<str>> {
        let now = self.now();
        let mut pools = now.iter();
        let found = pools.find(|pool_ref| {
            let pool = pool_ref.upgrade();
            pool.is_some_and(|pool| pool.wait_would_deadlock())
        });
        found.map(|pool_ref| (*pool_ref.name).into())
    }

    /// Whether the calling thread works for a pool that is in use, or for a former one that work may still be on.
    pub(crate) fn is_here(&self) -> bool {
        // Copied first, which unlocks: `is_here` of a pool is user code.
        let (now, former) = {
            let state = self.lock();
            (Arc::clone(&state.now), state.former.clone())
        };
        let mut former = former.iter().filter_map(Weak::upgrade);
        now.iter().any(|pool_ref| pool_ref.is_here()) || former.any(|pool_ref| pool_ref.is_here())
    }
}

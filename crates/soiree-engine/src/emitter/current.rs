//! What holds for emissions, and changing it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};

use super::Emitter;
use crate::emission::{Hub, Link, Setup};
use crate::ordering::KeyOrders;
use crate::routing::Bulkheads;
use crate::settings::Handlers;
use soiree_core::{BulkheadError, Pool, PoolHandle, Timer};

/// What holds for emissions that begin from now on.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What is told of failures and dead events.
    pub handlers: Handlers,
    /// How many errors a report keeps.
    pub error_buffer: usize,
    /// What runs emissions.
    pub pool: PoolHandle,
    /// What runs emissions on some topics in its place.
    pub bulkheads: Bulkheads,
    /// Which events are handled one after another.
    pub orders: KeyOrders,
    /// What waits for the next attempts of listeners that failed. Without it there are no retries.
    pub timer: Option<Arc<dyn Timer>>,
    /// How many listeners may wait for their next attempts at once. Further ones that fail have had their last.
    pub retry_capacity: usize,
}

/// The settings, and what is derived from them.
pub(super) struct Current {
    pub(super) settings: Settings,
    default: Arc<Setup>,
    bulkheads: BTreeMap<Arc<str>, (PoolHandle, Arc<Setup>)>,
}

impl Settings {
    /// No handlers, reports that keep up to 64 errors, this pool and no other, no timer, up to 1,024 listeners that wait for their next attempts.
    pub fn new(pool: impl Into<PoolHandle>) -> Self {
        Self {
            handlers: Handlers::default(),
            error_buffer: 64,
            pool: pool.into(),
            bulkheads: Bulkheads::default(),
            orders: KeyOrders::default(),
            timer: None,
            retry_capacity: 1024,
        }
    }

    /// The pool of this name, be it the default one.
    pub(super) fn pool(&self, name: &str) -> Result<&Arc<dyn Pool>, BulkheadError> {
        if name == Bulkheads::DEFAULT {
            return Ok(self.pool.pool());
        }
        self.bulkheads.get(name).map(PoolHandle::pool)
    }
}

impl Current {
    pub(super) fn new(hub: &Arc<Hub>, settings: Settings) -> Arc<Self> {
        let link = |name: &Arc<str>, pool| (Arc::clone(name), Link::new(name, pool));
        let named = settings.bulkheads.iter();
        let named = named.map(|(name, pool)| link(name, pool));
        let default = link(&Bulkheads::DEFAULT.into(), &settings.pool);
        let pools: Arc<BTreeMap<Arc<str>, Arc<Link>>> =
            Arc::new(std::iter::once(default).chain(named).collect());
        let routes = settings.bulkheads.routes();
        let routes: Arc<[_]> = routes
            .map(|(pattern, to)| (pattern.clone(), Arc::clone(to)))
            .collect();
        let setup = |name: &str| {
            Arc::new(Setup {
                hub: Arc::clone(hub),
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
        let bulkheads =
            bulkheads.map(|(name, pool)| (Arc::clone(name), (pool.clone(), setup(name))));
        Arc::new(Self {
            default: setup(Bulkheads::DEFAULT),
            bulkheads: bulkheads.collect(),
            settings,
        })
    }

    /// Where an emission on this topic runs, and with which setup.
    pub(super) fn ground(&self, topic: &str) -> (&PoolHandle, &Arc<Setup>) {
        let named = self.settings.bulkheads.of(topic);
        match named.and_then(|name| self.bulkheads.get(name)) {
            Some((pool, setup)) => (pool, setup),
            None => (&self.settings.pool, &self.default),
        }
    }

    pub(super) fn setups(&self) -> impl Iterator<Item = &Arc<Setup>> {
        let bulkheads = self.bulkheads.values().map(|(_, setup)| setup);
        std::iter::once(&self.default).chain(bulkheads)
    }

    /// Tells emissions that are on their way which of their bulkheads are bulkheads no more.
    fn tell_of_bulkheads(&self, former: &Setup) {
        for (name, link) in &*former.pools {
            let is_one = |(_, handle): (_, &PoolHandle)| {
                Arc::as_ptr(handle.pool()).cast::<()>().addr() == link.address()
            };
            if **name != *Bulkheads::DEFAULT && !self.settings.bulkheads.iter().any(is_one) {
                link.take_off();
            }
        }
    }

    /// Every pool that is to be released when the emitter closes.
    pub(super) fn owned_pools(&self) -> Vec<PoolHandle> {
        let bulkheads = self.settings.bulkheads.iter().map(|(_, pool)| pool);
        let pools = std::iter::once(&self.settings.pool).chain(bulkheads);
        pools.filter(|pool| pool.is_owned()).cloned().collect()
    }
}

impl Emitter {
    /// The settings that hold now.
    pub fn settings(&self) -> Settings {
        self.current.load().settings.clone()
    }

    /// Changes the settings for emissions that begin afterwards. Those on their way keep what they began with.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        self.try_update(|settings| {
            change(settings);
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap_or_else(|never| match never {});
    }

    /// As [`update`](Emitter::update), and nothing changes if `change` fails.
    ///
    /// # Errors
    /// What `change` returns.
    pub fn try_update<R, E>(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = self.current.load().settings.clone();
        let changed = change(&mut settings)?;
        former.retain(|setup| setup.strong_count() > 0);
        former.extend(self.current.load().setups().map(Arc::downgrade));
        // What it held before is held by the former settings as well: nobody's `Drop` runs here.
        let observers = settings.handlers.observers.clone();
        self.hub.registry.observe(observers);
        let next = Current::new(&self.hub, settings);
        let scene = self.scenes.set(Arc::clone(&next));
        let old = self.current.swap(next);
        let new = self.current.load();
        for setup in former.iter().filter_map(Weak::upgrade) {
            new.tell_of_bulkheads(&setup);
        }
        drop(former);
        self.scenes.leave_to_emissions(scene);
        drop(old);
        Ok(changed)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("handlers", &self.handlers)
            .field("error_buffer", &self.error_buffer)
            .field("pool", &self.pool)
            .field("bulkheads", &self.bulkheads)
            .field("orders", &self.orders)
            .field("timer", &self.timer.is_some())
            .field("retry_capacity", &self.retry_capacity)
            .finish()
    }
}

//! An emitter as data.

use std::sync::Arc;

use super::Emitter;
use crate::graph::{Graph, PoolInfo, RouteInfo};
use crate::routing::Bulkheads;

impl Emitter {
    /// Who listens to what, and what runs where.
    ///
    /// The subscriptions are those of one moment, and so are pools and routes; the two moments may differ by the few
    /// instructions in between. Takes no lock that an emission takes, apart from what the pools do to give their figures.
    pub fn graph(&self) -> Graph {
        let settings = self.settings();
        let info = |name: &Arc<str>, stats| PoolInfo {
            name: Arc::clone(name),
            stats,
        };
        let default = info(&Bulkheads::DEFAULT.into(), settings.pool.pool().stats());
        let bulkheads = settings.bulkheads.iter();
        let bulkheads = bulkheads.map(|(name, handle)| info(name, handle.pool().stats()));
        let routes = settings.bulkheads.routes().map(|(pattern, to)| RouteInfo {
            pattern: pattern.clone(),
            pool: Arc::clone(to),
        });
        Graph {
            patterns: self.registry().patterns(),
            pools: std::iter::once(default).chain(bulkheads).collect(),
            routes: routes.collect(),
            orders: settings.orders.stats(),
        }
    }
}

//! An emitter as data.

use std::sync::Arc;

use soiree_core::{InvalidTopic, ListenerInfo, Observers, WaitingStats};

use super::emit::Emitter;
use crate::graph::{Graph, PoolInfo, RouteInfo};
use crate::ordering::KeyOrderStats;
use crate::routing::Bulkheads;

impl Emitter {
    /// Who listens to what, and what runs where.
    ///
    /// The subscriptions are those of one moment, and so are pools and routes; a few instructions lie between the two moments. Takes no
    /// lock that an emission takes, apart from what the pools do to return their statistics.
    pub fn graph(&self) -> Graph {
        let current = self.current();
        let settings = &current.settings;
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
            patterns: self.registry().patterns_with(&self.shared.addressed),
            pools: std::iter::once(default).chain(bulkheads).collect(),
            routes: routes.collect(),
            orders: current.order_stats(),
            stores: Vec::new(),
            bridges: Vec::new(),
        }
    }

    /// The listeners that an emission on this topic would call now, in calling order. After them those that are called by address, and
    /// whose pattern matches the topic.
    ///
    /// # Errors
    /// If the topic is malformed.
    pub fn listeners_for(&self, topic: &str) -> Result<Vec<ListenerInfo>, InvalidTopic> {
        let mut listeners = self.registry().listeners_for(topic)?;
        listeners.extend(self.shared.addressed.listeners_for(topic)?);
        Ok(listeners)
    }

    /// The observers of now.
    pub fn observers(&self) -> Observers {
        self.current().settings.handlers.observers.clone()
    }

    /// The statistics of every order by key, the most specific pattern first. Events of orders that were removed or replaced do not count.
    pub fn order_stats(&self) -> Vec<KeyOrderStats> {
        self.current().order_stats()
    }

    /// What waits outside of the pools. `place` is what no pool has taken, and `queue` is 0.
    pub fn waiting(&self) -> WaitingStats {
        let mut waiting = WaitingStats::default();
        waiting.retry = self.shared.retries.not_due();
        waiting.place = self.shared.backlog.len();
        waiting.blocked = self.shared.waiting_emits.in_turn();
        waiting.turn = self.shared.turns.waiting();
        for queues in self.order_queues() {
            let (behind, blocked) = queues.waiting();
            waiting.key += behind;
            waiting.blocked += blocked;
        }
        waiting
    }

    /// How many emissions on pools have not ended: an estimate while some start and end.
    pub fn in_flight(&self) -> u64 {
        self.shared.tracker.len()
    }

    /// How many calls of listeners found the listener's own pool full, or had to wait for their turn, and have not started.
    pub fn waiting_calls(&self) -> usize {
        self.shared.waiting_calls.len()
    }

    /// How many retries wait to be due, or for a place in their pool.
    pub fn waiting_retries(&self) -> usize {
        self.shared.retries.len()
    }
}

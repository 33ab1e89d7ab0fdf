//! Named pools, and which topics go to which.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use soiree_core::{ASYNC_BULKHEAD, BulkheadError, Pattern, PoolHandle, is_printable};

use super::pattern_rules::PatternRules;

/// Named pools next to the default one, and routes to them.
///
/// A topic goes to the pool of the most specific route that matches it: the route with the most literal segments; then the one with
/// the most `*`; then the one with the fewest `**`. A second route is rejected if it matches a topic of the first one, is equally
/// specific, and leads to another pool.
#[derive(Clone, Default)]
pub struct Bulkheads {
    pools: BTreeMap<Arc<str>, PoolHandle>,
    /// The names that patterns lead to.
    routes: PatternRules<Arc<str>>,
}

impl Bulkheads {
    /// The name of the default pool, which runs everything that has no route.
    pub const DEFAULT: &'static str = "default";

    /// The bulkhead of [async listeners](soiree_core::AsyncListener) that name no other.
    pub const ASYNC: &'static str = ASYNC_BULKHEAD;

    /// Adds a pool under a name.
    ///
    /// # Errors
    /// If the name is empty, blank, has control characters, is `default`, or is taken.
    pub fn add(&mut self, name: &str, pool: PoolHandle) -> Result<(), BulkheadError> {
        if !is_printable(name) || name == Self::DEFAULT {
            return Err(BulkheadError::InvalidName { name: name.into() });
        }
        if let Some((name, _)) = self.pools.get_key_value(name) {
            let name = Arc::clone(name);
            return Err(BulkheadError::Duplicate { name });
        }
        self.pools.insert(name.into(), pool);
        Ok(())
    }

    /// Routes topics that match the pattern to the bulkhead of this name, or to the default pool if the name is `default`.
    ///
    /// A pattern has one route: a second one replaces the first.
    ///
    /// # Errors
    /// If the pattern is malformed, there is no such bulkhead, or another route is equally specific.
    pub fn route(&mut self, pattern: &str, to: &str) -> Result<(), BulkheadError> {
        let pattern = Pattern::new(pattern).map_err(|source| BulkheadError::InvalidRoute {
            to: to.into(),
            source,
        })?;
        let to = self.name(to)?;
        let added = self
            .routes
            .add(&pattern, Arc::clone(&to), |other| *other == to);
        added.map_err(|first| BulkheadError::Ambiguous {
            first: first.pattern.clone(),
            first_to: Arc::clone(&first.rule),
            second: pattern,
            second_to: to,
        })
    }

    /// As [`route`](Bulkheads::route), but does not replace a route to another bulkhead.
    ///
    /// # Errors
    /// As [`route`](Bulkheads::route), and if the pattern, however it is spelled, leads to another bulkhead.
    pub fn route_unique(&mut self, pattern: &str, to: &str) -> Result<(), BulkheadError> {
        let known = Pattern::new(pattern).ok();
        let first = known.and_then(|known| Some((Arc::clone(self.routes.get(&known)?), known)));
        match first.filter(|(first_to, _)| **first_to != *to) {
            Some((first_to, first)) => Err(BulkheadError::Ambiguous {
                second: first.clone(),
                first,
                first_to,
                second_to: self.name(to)?,
            }),
            None => self.route(pattern, to),
        }
    }

    /// Removes a route. Returns whether there was one.
    pub fn remove_route(&mut self, pattern: &str) -> bool {
        Pattern::new(pattern).is_ok_and(|pattern| self.routes.remove(&pattern))
    }

    /// Removes a bulkhead, and the routes that lead to it.
    ///
    /// # Errors
    /// If there is no bulkhead of that name.
    pub fn remove(&mut self, name: &str) -> Result<PoolHandle, BulkheadError> {
        let pool = self.pools.remove(name).ok_or_else(|| self.unknown(name))?;
        self.routes.retain(|to| **to != *name);
        Ok(pool)
    }

    /// The pool of a bulkhead.
    ///
    /// # Errors
    /// If there is no bulkhead of that name.
    pub fn get(&self, name: &str) -> Result<&PoolHandle, BulkheadError> {
        self.pools.get(name).ok_or_else(|| self.unknown(name))
    }

    /// Every bulkhead, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &PoolHandle)> {
        self.pools.iter()
    }

    /// Every route, the most specific first: its pattern, and the name that it leads to.
    pub fn routes(&self) -> impl Iterator<Item = (&Pattern, &Arc<str>)> {
        let sorted = self.routes.sorted().into_iter();
        sorted.map(|route| (&route.pattern, &route.rule))
    }

    /// The names that topics are routed to.
    pub(crate) fn rules(&self) -> &PatternRules<Arc<str>> {
        &self.routes
    }

    fn name(&self, name: &str) -> Result<Arc<str>, BulkheadError> {
        if name == Self::DEFAULT {
            return Ok(name.into());
        }
        match self.pools.get_key_value(name) {
            Some((name, _)) => Ok(Arc::clone(name)),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> BulkheadError {
        BulkheadError::Unknown {
            name: name.into(),
            known: self.pools.keys().cloned().collect(),
        }
    }
}

impl fmt::Debug for Bulkheads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkheads")
            .field("pools", &self.pools)
            .field("routes", &self.routes().collect::<Vec<_>>())
            .finish()
    }
}

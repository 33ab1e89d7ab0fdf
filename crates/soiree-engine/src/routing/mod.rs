//! Named pools, and which topics go to which.

mod specificity;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use self::specificity::{Specificity, overlap, specificity};
use soiree_core::{ASYNC_BULKHEAD, BulkheadError, Pattern, PoolHandle, is_printable};

/// Pools beside the default one, each under a name, and routes to them.
///
/// A topic goes to the pool of the most specific route that matches it: the one with the most literal segments; then the one
/// with the most `*`; then the one with the fewest `**`. Two routes that match the same topic, say equally much and lead to
/// different pools are refused.
#[derive(Clone, Default)]
pub struct Bulkheads {
    pools: BTreeMap<Arc<str>, PoolHandle>,
    /// The most specific first.
    routes: Vec<Route>,
}

#[derive(Clone)]
struct Route {
    says: Specificity,
    pattern: Pattern,
    to: Arc<str>,
}

impl Bulkheads {
    /// What the pool is called that takes what no route leads elsewhere.
    pub const DEFAULT: &'static str = "default";

    /// The bulkhead of [async listeners](crate::AsyncListener) that name no other.
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

    /// Has topics that match the pattern go to the bulkhead of this name; to the default pool, if the name is `default`.
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
        let says = specificity(&pattern);
        let is_other =
            |route: &&Route| route.says == says && route.pattern != pattern && route.to != to;
        let mut others = self.routes.iter().filter(is_other);
        if let Some(first) = others.find(|route| overlap(&route.pattern, &pattern)) {
            return Err(BulkheadError::Ambiguous {
                first: first.pattern.clone(),
                first_to: Arc::clone(&first.to),
                second: pattern,
                second_to: to,
            });
        }
        self.routes.retain(|route| route.pattern != pattern);
        let at = self.routes.partition_point(|route| route.says >= says);
        self.routes.insert(at, Route { says, pattern, to });
        Ok(())
    }

    /// Takes a route off. Whether there was one.
    pub fn remove_route(&mut self, pattern: &str) -> bool {
        let before = self.routes.len();
        if let Ok(pattern) = Pattern::new(pattern) {
            self.routes.retain(|route| route.pattern != pattern);
        }
        self.routes.len() < before
    }

    /// Takes a bulkhead off, and the routes that lead to it.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn remove(&mut self, name: &str) -> Result<PoolHandle, BulkheadError> {
        let pool = self.pools.remove(name).ok_or_else(|| self.unknown(name))?;
        self.routes.retain(|route| *route.to != *name);
        Ok(pool)
    }

    /// The pool of a bulkhead.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&PoolHandle, BulkheadError> {
        self.pools.get(name).ok_or_else(|| self.unknown(name))
    }

    /// Every bulkhead, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &PoolHandle)> {
        self.pools.iter()
    }

    /// Every route, the most specific first: its pattern, and the name that it leads to.
    pub fn routes(&self) -> impl Iterator<Item = (&Pattern, &Arc<str>)> {
        self.routes.iter().map(|route| (&route.pattern, &route.to))
    }

    /// The bulkhead for a topic; `None` for the default pool.
    pub(crate) fn of(&self, topic: &str) -> Option<&Arc<str>> {
        let mut matching = self
            .routes
            .iter()
            .filter(|route| route.pattern.matches(topic));
        matching
            .next()
            .map(|route| &route.to)
            .filter(|to| ***to != *Self::DEFAULT)
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

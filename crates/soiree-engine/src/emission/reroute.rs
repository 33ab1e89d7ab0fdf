//! Where work goes whose bulkhead was removed.

use std::sync::Arc;

use soiree_core::Pool;

use super::pool_ref::PoolRef;
use super::shared::EmissionSettings;
use crate::routing::Bulkheads;

impl EmissionSettings {
    /// Where work for a topic goes that a pool did not take because its bulkhead was removed.
    pub(super) fn reroute(
        &self,
        topic: &str,
        from: &PoolRef,
    ) -> Option<(Arc<PoolRef>, Arc<dyn Pool>)> {
        let routes = self.routes.iter();
        let matching = routes.filter(|(pattern, _)| pattern.matches(topic));
        let names = matching.map(|(_, name)| &**name);
        let pools = names
            .chain(std::iter::once(Bulkheads::DEFAULT))
            .filter_map(|name| self.pools.get(name));
        let mut open = pools.filter(|pool| !pool.is_removed() && pool.address() != from.address());
        open.find_map(|pool_ref| Some((Arc::clone(pool_ref), pool_ref.upgrade()?)))
    }
}

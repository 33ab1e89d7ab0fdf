//! Starting to deliver.

use soiree_core::store::StoreError;

use crate::builder::Orphans;
use crate::error::OutboxError;
use crate::info::StartReport;
use crate::outbox::{Lifecycle, Outbox};
use crate::signals::Command;

impl Outbox {
    /// Starts to deliver: what waited since the last run first, each listener for itself. Returns which listeners the store keeps events for
    /// though they are not subscribed, and which ones it did not know. Blocks while the store is read.
    ///
    /// # Errors
    /// If the outbox was started or closed before, the store cannot be read, or there are orphans and the outbox rejects them.
    pub fn start(&self) -> Result<StartReport, OutboxError> {
        let inner = &self.inner;
        inner.lifecycle().check_built()?;
        let known = inner.store.listeners()?;
        let subscribed = inner.listeners();
        let is_subscribed = |name: &str| {
            let subscription = subscribed.get(name);
            subscription.is_some_and(|subscription| !subscription.is_removed)
        };
        let known = known.iter().map(|known| known.name.to_string());
        let mut report = StartReport {
            orphans: known.filter(|name| !is_subscribed(name)).collect(),
            new: subscribed
                .iter()
                .filter(|(_, subscription)| subscription.is_new && !subscription.is_removed)
                .map(|(name, _)| name.to_string())
                .collect(),
        };
        drop(subscribed);
        match inner.settings.orphans {
            Orphans::Reject if !report.orphans.is_empty() => {
                return Err(OutboxError::Orphans {
                    store: inner.store.name(),
                    found: report,
                });
            }
            Orphans::Remove => {
                for name in std::mem::take(&mut report.orphans) {
                    match inner.store.remove_listener(&name) {
                        // Another process handles its events.
                        Err(StoreError::Busy { .. }) => report.orphans.push(name),
                        removed => drop(removed?),
                    }
                }
            }
            _ => {}
        }
        // Not locked meanwhile: a store may be the program's own.
        let mut lifecycle = inner.lifecycle();
        lifecycle.check_built()?;
        *lifecycle = Lifecycle::Started;
        drop(lifecycle);
        inner.signals.send(Command::Start);
        Ok(report)
    }
}

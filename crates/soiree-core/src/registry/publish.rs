//! What happens when the registry publishes a snapshot.

use std::any::Any;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::panic::contained;

/// Receives every snapshot that the registry publishes, to keep it in a place of its own.
pub trait PublishHook: Send + Sync {
    /// Replaces the hook's snapshot, and returns what it replaced. The registry holds its lock: do not call it, and drop nothing
    /// that may hold a listener.
    fn publish(&self, snapshot: Arc<Snapshot>) -> Arc<dyn Any + Send + Sync>;

    /// Drops what [`publish`](PublishHook::publish) returned. The registry holds no lock.
    fn retire(&self, replaced: Arc<dyn Any + Send + Sync>);
}

/// What a new snapshot has replaced. Must not be dropped while the writers' lock is held, as it may hold the last listener.
pub(super) struct Retired {
    snapshot: Arc<Snapshot>,
    hooked: Option<(Arc<dyn PublishHook>, Arc<dyn Any + Send + Sync>)>,
}

impl Retired {
    /// `hooked` is the hook, and what its [`publish`](PublishHook::publish) returned.
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        hooked: Option<(Arc<dyn PublishHook>, Arc<dyn Any + Send + Sync>)>,
    ) -> Self {
        Self { snapshot, hooked }
    }

    pub(super) fn retire(self) {
        contained(move || drop(self.snapshot));
        if let Some((hook, replaced)) = self.hooked {
            hook.retire(replaced);
            contained(move || drop(hook));
        }
    }
}

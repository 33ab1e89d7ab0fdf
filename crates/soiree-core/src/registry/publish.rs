//! What happens when the registry publishes a snapshot.

use std::any::Any;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::panic::contained;
use crate::sync::Replaced;

/// Receives every snapshot that the registry publishes, to keep it in a place of its own.
pub trait PublishHook: Send + Sync {
    /// Replaces the hook's snapshot, and returns what it replaced. The registry holds its lock: do not call it, and drop nothing
    /// that may hold a listener.
    fn publish(&self, snapshot: Arc<Snapshot>) -> Box<dyn Any + Send>;

    /// Drops what [`publish`](PublishHook::publish) returned. The registry holds no lock.
    fn retire(&self, replaced: Box<dyn Any + Send>);
}

/// What a new snapshot has replaced. Must not be dropped while the writers' lock is held, as it may hold the last listener.
pub(super) struct Retired {
    snapshots: Replaced<Snapshot>,
    hooked: Option<(Arc<dyn PublishHook>, Box<dyn Any + Send>)>,
}

impl Retired {
    /// `hooked` is the hook, and what its [`publish`](PublishHook::publish) returned.
    pub(super) fn new(
        snapshots: Replaced<Snapshot>,
        hooked: Option<(Arc<dyn PublishHook>, Box<dyn Any + Send>)>,
    ) -> Self {
        Self { snapshots, hooked }
    }

    pub(super) fn retire(self) {
        let Replaced { value, former } = self.snapshots;
        for snapshot in former {
            contained(move || drop(snapshot));
        }
        contained(move || drop(value));
        if let Some((hook, replaced)) = self.hooked {
            hook.retire(replaced);
            contained(move || drop(hook));
        }
    }
}

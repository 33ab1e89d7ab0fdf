//! Having readers read the next snapshot.

use std::any::Any;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::panic::contained;

/// Keeps the current snapshot in another place as well.
pub trait PublishHook: Send + Sync {
    /// Takes a snapshot as it is published, with the writers' lock held.
    fn publish(&self, snapshot: Arc<Snapshot>) -> Arc<dyn Any + Send + Sync>;

    /// Lets go of what was replaced, when no lock is held.
    fn retire(&self, replaced: Arc<dyn Any + Send + Sync>);
}

/// What a new snapshot has taken the place of. Not to be dropped with the writers' lock held.
pub(super) struct Retired {
    snapshot: Arc<Snapshot>,
    hooked: Option<(Arc<dyn PublishHook>, Arc<dyn Any + Send + Sync>)>,
}

impl Retired {
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

//! Having readers read the next snapshot.

use std::any::Any;
use std::sync::{Arc, Weak};

use super::Registry;
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
    pub(super) fn retire(self) {
        contained(move || drop(self.snapshot));
        if let Some((hook, replaced)) = self.hooked {
            hook.retire(replaced);
            contained(move || drop(hook));
        }
    }
}

impl Registry {
    /// The snapshot of this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// A snapshot without listeners.
    pub fn empty(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot::empty(self.hasher.clone()))
    }

    /// Has every snapshot from the next one on given to this one as well.
    pub fn set_publish_hook(&self, hook: Weak<dyn PublishHook>) {
        let _ = self.hook.set(hook);
    }

    pub(super) fn hook(&self) -> Option<Arc<dyn PublishHook>> {
        self.hook.get()?.upgrade()
    }

    /// To be called with the writers' lock held.
    pub(super) fn publish(&self, next: Snapshot, hook: Option<Arc<dyn PublishHook>>) -> Retired {
        let next = Arc::new(next);
        let follow = |hook: Arc<dyn PublishHook>| {
            let replaced = hook.publish(Arc::clone(&next));
            (hook, replaced)
        };
        Retired {
            hooked: hook.map(follow),
            snapshot: self.current.swap(next),
        }
    }
}

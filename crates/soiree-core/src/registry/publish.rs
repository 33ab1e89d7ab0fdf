//! Having readers read the next snapshot.

use std::any::Any;
use std::sync::{Arc, Weak};

use super::Registry;
use super::snapshot::Snapshot;
use crate::panic::contained;

/// Keeps the current snapshot in another place as well.
pub trait Follower: Send + Sync {
    /// Takes a snapshot as it is published, with the writers' lock held.
    fn follow(&self, snapshot: Arc<Snapshot>) -> Arc<dyn Any + Send + Sync>;

    /// Lets go of what was replaced, when no lock is held.
    fn let_go(&self, replaced: Arc<dyn Any + Send + Sync>);
}

/// What a new snapshot has taken the place of. Not to be dropped with the writers' lock held.
pub(super) struct Former {
    snapshot: Arc<Snapshot>,
    followed: Option<(Arc<dyn Follower>, Arc<dyn Any + Send + Sync>)>,
}

impl Former {
    pub(super) fn let_go(self) {
        contained(move || drop(self.snapshot));
        if let Some((follower, replaced)) = self.followed {
            follower.let_go(replaced);
            contained(move || drop(follower));
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
    pub fn set_follower(&self, follower: Weak<dyn Follower>) {
        let _ = self.follower.set(follower);
    }

    pub(super) fn follower(&self) -> Option<Arc<dyn Follower>> {
        self.follower.get()?.upgrade()
    }

    /// To be called with the writers' lock held.
    pub(super) fn publish(&self, next: Snapshot, follower: Option<Arc<dyn Follower>>) -> Former {
        let next = Arc::new(next);
        let follow = |follower: Arc<dyn Follower>| {
            let replaced = follower.follow(Arc::clone(&next));
            (follower, replaced)
        };
        Former {
            followed: follower.map(follow),
            snapshot: self.current.swap(next),
        }
    }
}

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
        // First: a listener that is dropped with a snapshot may wait until the hook has nothing left to retire.
        if let Some((hook, replaced)) = self.hooked {
            hook.retire(replaced);
            contained(move || drop(hook));
        }
        let last = self.snapshots.into_last();
        contained(move || drop(last));
    }
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::listener::ListenerId;
    use crate::topic::Pattern;
    use crate::{Event, ListenerOptions, Registry};

    #[derive(Default)]
    struct Hook(AtomicBool);

    impl PublishHook for Hook {
        fn publish(&self, snapshot: Arc<Snapshot>) -> Box<dyn Any + Send> {
            Box::new(snapshot)
        }

        fn retire(&self, _: Box<dyn Any + Send>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Expects that the hook has retired what it had when this is dropped.
    struct Last(Arc<Hook>);

    impl Drop for Last {
        fn drop(&mut self) {
            let is_retired = self.0.0.load(Ordering::SeqCst);
            self.0.0.store(false, Ordering::SeqCst);
            assert!(is_retired);
        }
    }

    #[test]
    fn the_hook_retires_what_it_had_before_a_listener_is_dropped() {
        let (registry, hook) = (Registry::new(), Arc::<Hook>::default());
        let pattern = Pattern::new("a").unwrap();
        let last = Last(Arc::clone(&hook));
        let listener = move |_: &dyn Event| {
            let _ = &last;
        };
        let (id, options) = (ListenerId::from("last"), ListenerOptions::new());
        let added = registry.add(&pattern, id.clone(), options, Arc::new(listener));
        added.unwrap();
        let former = registry.snapshot();
        registry.remove(&pattern, &id).unwrap();
        let snapshots = Replaced {
            value: registry.snapshot(),
            former: vec![former],
        };
        let retired: Box<dyn Any + Send> = Box::new(());
        let hooked = Some((Arc::clone(&hook) as Arc<dyn PublishHook>, retired));
        Retired::new(snapshots, hooked).retire();
        // The listener has been dropped, and found that it was.
        assert_eq!(
            (Arc::strong_count(&hook), hook.0.load(Ordering::SeqCst)),
            (1, false)
        );
    }
}

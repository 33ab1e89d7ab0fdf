//! Reading a value while other threads replace it, as emissions read the subscriptions.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Weak};

use shuttle::thread;
use soiree_core::sync::{ReadMostly, Replaced};
use soiree_testkit::model::{Threads, explore};

/// Three versions, one after another.
struct Versions {
    value: ReadMostly<usize>,
    handles: [Weak<usize>; 3],
    /// The latest one that has been published.
    published: AtomicUsize,
}

impl Versions {
    fn replace(&self, version: usize, next: Arc<usize>) {
        let Replaced { value, former } = self.value.replace(next);
        self.published.fetch_max(version, SeqCst);
        assert!(*value < version);
        assert!(former.iter().all(|former| **former < version));
    }

    fn read(&self) {
        let published = self.published.load(SeqCst);
        let seen = self.value.read(|value| {
            thread::yield_now();
            **value
        });
        assert!(seen >= published, "{seen} was read after {published}");
    }
}

/// T4: a thread that starts to read after a value was replaced reads the next one. When nobody reads, no slot keeps an old one.
#[test]
fn a_value_that_was_replaced_is_read_no_more_and_kept_by_no_thread() {
    explore(|| {
        let all: [Arc<usize>; 3] = std::array::from_fn(Arc::new);
        let handles = std::array::from_fn(|index| Arc::downgrade(&all[index]));
        let [first, second, third] = all;
        let versions = Arc::new(Versions {
            value: ReadMostly::new(first),
            handles,
            published: AtomicUsize::new(0),
        });
        let mut threads = Threads::default();
        for _ in 0..3 {
            let versions = Arc::clone(&versions);
            threads.start(move || {
                versions.read();
                // One inside another.
                versions.value.read(|_| versions.read());
            });
        }
        let writer = Arc::clone(&versions);
        threads.start(move || {
            writer.replace(1, second);
            writer.read();
            // While it reads it itself.
            writer.value.read(|_| writer.replace(2, third));
            writer.read();
        });
        threads.join();
        let kept = versions.handles.each_ref().map(Weak::strong_count);
        assert_eq!(kept[..2], [0, 0]);
        versions.value.read(|value| assert_eq!(**value, 2));
    });
}

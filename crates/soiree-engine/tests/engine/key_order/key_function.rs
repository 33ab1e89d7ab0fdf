//! Key functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use soiree::EventPool;
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, keys_and_waiting, ordered_on};

/// L8: equal keys of different orders are different, and an event without a key is not ordered.
#[test]
fn only_events_of_one_order_and_key_wait_for_each_other() {
    let manual = ManualPool::new();
    let soiree = ordered_on(manual.clone());
    soiree
        .add_order("key.special.*", KeyOrder::by(|_| Some(1)))
        .unwrap();
    let called = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&called);
    let odd = KeyOrder::by(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        None::<u8>
    });
    soiree.add_order("odd", odd).unwrap();
    soiree.emit("key.a", Numbered(1, 0)).unwrap();
    soiree.emit("key.special.a", ()).unwrap();
    soiree.emit("key.special.b", ()).unwrap();
    soiree.emit("odd", ()).unwrap();
    soiree.emit("odd", ()).unwrap();
    soiree.emit("key.a", "no key").unwrap();
    assert_eq!(manual.pending(), 5);
    assert_eq!(called.load(Ordering::SeqCst), 2);
    assert!(soiree.remove_order("key.special.*"));
    assert!(!soiree.remove_order("key.special.*"));
    soiree.emit("key.special.b", ()).unwrap();
    assert_eq!(
        manual.pending(),
        6,
        "the order of key.** knows no key of it"
    );
    assert_eq!(manual.run_all(), 7);
    soiree.close().unwrap();
}

/// L8: events of an order that was removed wait on, and are counted, also after other settings were changed.
#[test]
fn events_of_a_removed_order_are_counted_until_they_run() {
    let manual = ManualPool::new();
    let soiree = ordered_on(manual.clone());
    soiree.emit("key.a", Numbered(1, 0)).unwrap();
    soiree.emit("key.a", Numbered(1, 1)).unwrap();
    assert!(soiree.remove_order("key.**"));
    for size in [1, 2] {
        assert_eq!(
            soiree.stats().waiting.key,
            1,
            "before the buffer has {size}"
        );
        soiree.set_error_buffer(size);
    }
    assert_eq!(soiree.stats().waiting.key, 1);
    assert_eq!(manual.run_all(), 2);
    assert_eq!(soiree.stats().waiting.key, 0);
    soiree.close().unwrap();
}

/// L8, L4: if the key function panics, the emit is rejected, and the payload comes back.
#[test]
fn a_key_function_that_panics_rejects_the_emit() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    soiree
        .add_order(
            "key.*",
            KeyOrder::by(|_| -> Option<u8> { panic!("no key") }),
        )
        .unwrap();
    let message = "key.a was not emitted: the key function for key.* panicked: no key";
    let rejected = soiree.emit("key.a", 7_u8).unwrap_err();
    assert_eq!(rejected.to_string(), message);
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u8));
    let rejected = soiree.emit_sync("key.a", 7_u8).unwrap_err();
    assert_eq!(rejected.to_string(), message);
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u8));
    assert_eq!(keys_and_waiting(&soiree), (0, 0));
    soiree.close().unwrap();
}

/// L8, L3: a key function may call what a listener may.
#[test]
fn a_key_function_may_call_its_event_pool() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    let weak = soiree.downgrade();
    let (sender, receiver) = channel();
    let order = KeyOrder::by(move |_| {
        let soiree = weak.upgrade()?;
        let closed = soiree.close();
        sender
            .send((closed, soiree.emit_sync("other", ()).is_ok()))
            .unwrap();
        Some(soiree.emit("other", ()).unwrap().wait().delivered())
    });
    soiree.add_order("key.*", order).unwrap();
    assert!(soiree.emit("key.a", ()).unwrap().wait().is_ok());
    assert_eq!(
        receiver.recv().unwrap(),
        (Err(soiree_engine::CloseError::InsideListener), true)
    );
    soiree.close().unwrap();
}

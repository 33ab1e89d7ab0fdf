//! Listeners that call their own event pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_pool::WorkerPool;

use crate::support::{CallLog, TestResult, on_one_worker};

/// L3
#[test]
fn a_listener_may_call_anything_on_its_own_event_pool() -> TestResult {
    let soiree = on_one_worker(0);
    let inner = soiree.downgrade();
    let done = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&done);
    soiree.on(
        "outer",
        move |_| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let soiree = inner.upgrade().ok_or("gone")?;
            let id = soiree.on("inner", |_| {})?;
            assert_eq!(soiree.emit_sync("inner", ())?.delivered(), 1);
            assert_eq!(soiree.emit("inner", ())?.wait().delivered(), 1);
            let topic = soiree.topic("inner")?;
            let other = topic.add_listener(|_| {})?;
            topic.remove_listener(&other)?;
            soiree.ensure_topic("other")?;
            soiree.off("inner", &id)?;
            soiree.set_error_buffer(3);
            assert!(soiree.close().is_err());
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        },
    )?;
    assert!(soiree.emit("outer", ())?.wait().is_ok());
    assert!(soiree.emit_sync("outer", ())?.is_ok());
    assert_eq!(done.load(Ordering::SeqCst), 2);
    soiree.close()?;
    Ok(())
}

/// Runs a function as the listener that owns it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// L3: a listener is dropped outside every lock, so its drop may call anything as well.
#[test]
fn dropping_a_listener_may_call_its_own_event_pool() -> TestResult {
    let soiree = on_one_worker(8);
    let dropped = CallLog::default();
    let listener = |name: &'static str| {
        let (weak, dropped) = (soiree.downgrade(), dropped.clone());
        let owned = OnDrop(move || {
            let soiree = weak.upgrade().unwrap();
            let added = soiree.on("added", |_| {}).map(|id| {
                assert!(!soiree.is_empty());
                soiree.off("added", &id).unwrap();
            });
            dropped.record(format!("{name} {}", added.is_ok()));
        });
        move |_: &dyn soiree_core::Event| {
            let _ = &owned;
        }
    };
    let id = soiree.on("t", listener("off"))?;
    soiree.off("t", &id)?;
    soiree.on_with("t", ListenerOptions::new().once(), listener("once"))?;
    soiree.emit_sync("t", ())?;
    soiree.set_id_generator(|| "same");
    soiree.on("t", listener("close"))?;
    assert!(soiree.on("t", listener("rejected")).is_err());
    soiree.close()?;
    assert_eq!(
        dropped.take(),
        ["off true", "once true", "rejected true", "close false"]
    );
    Ok(())
}

/// L3: subscribing, unsubscribing and emitting inside a listener, on all threads at once.
#[test]
fn listeners_that_subscribe_unsubscribe_and_emit_do_not_deadlock() -> TestResult {
    let soiree = EventPool::with_pool(WorkerPool::new(2, 1)?);
    let weak = soiree.downgrade();
    soiree.on("churn", move |_| {
        let soiree = weak.upgrade().unwrap();
        let id = soiree.on("leaf", |_| {}).unwrap();
        let _ = soiree.emit("leaf", ()).unwrap();
        soiree.off("leaf", &id).unwrap();
    })?;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let _ = soiree.emit("churn", ()).unwrap();
                }
            });
        }
    });
    soiree.close()?;
    Ok(())
}

/// L3, P4: the only worker emits to its own full queue.
#[test]
fn emitting_on_the_only_worker_of_a_full_pool_does_not_block() -> TestResult {
    for capacity in [0, 1] {
        let soiree = on_one_worker(capacity);
        let count = Arc::new(AtomicU64::new(0));
        let (weak, seen) = (soiree.downgrade(), Arc::clone(&count));
        soiree.on("leaf", move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
        })?;
        soiree.on("root", move |_| {
            let soiree = weak.upgrade().unwrap();
            for _ in 0..5 {
                let _ = soiree.emit("leaf", ()).unwrap();
            }
        })?;
        soiree.emit("root", ())?.wait();
        soiree.close()?;
        assert_eq!(count.load(Ordering::SeqCst), 5);
    }
    Ok(())
}

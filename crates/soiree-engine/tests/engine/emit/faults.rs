//! One test for each fault of the original, and larger crowds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::EventPool;
use soiree_core::Priority;
use soiree_pool::WorkerPool;

use crate::support::{BoxResult, Diary, Hold, on_one_worker, until};

/// E1, L3: errors that nobody reads block nobody.
#[test]
fn a_thousand_failing_listeners_whose_errors_nobody_reads_hold_up_nothing() -> BoxResult {
    let soiree = on_one_worker(1);
    for _ in 0..1_000 {
        soiree.on("t", |_| Err::<(), _>("unread"))?;
    }
    for _ in 0..20 {
        let _ = soiree.emit("t", ())?;
    }
    let report = soiree.emit("t", ())?.wait();
    assert_eq!(
        (report.failed, report.errors.len(), report.omitted_errors),
        (1_000, 64, 936)
    );
    soiree.close()?;
    Ok(())
}

/// L3, P4: emitting on the only worker of a full pool.
#[test]
fn emitting_on_a_worker_of_a_full_pool_of_one_does_not_block() -> BoxResult {
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

/// L1: the original ordered within one pattern only.
#[test]
fn priority_holds_across_patterns() -> BoxResult {
    let soiree = EventPool::new();
    let diary = Diary::default();
    for (pattern, priority) in [
        ("t.x", Priority::Low),
        ("**", Priority::High),
        ("t.*", Priority::Normal),
    ] {
        let diary = diary.clone();
        soiree.on_with(pattern, priority, move |_| diary.note(pattern))?;
    }
    soiree.emit("t.x", ())?.wait();
    assert_eq!(diary.take(), ["**", "t.*", "t.x"]);
    Ok(())
}

/// L3: subscribing, taking off and emitting inside a listener, on every thread at once.
#[test]
fn listeners_that_subscribe_take_off_and_emit_do_not_deadlock() -> BoxResult {
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

/// An error that runs something as it is dropped.
struct Loaded(Box<dyn Fn() + Send + Sync>);

impl Drop for Loaded {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loaded")
    }
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("loaded")
    }
}

impl std::error::Error for Loaded {}

/// L4, E1: an error that the buffer does not keep is dropped where its drop can neither lock up nor stop anything.
#[test]
fn dropping_an_omitted_error_may_panic_or_look_at_the_emission() -> BoxResult {
    let soiree = on_one_worker(4);
    soiree.set_error_buffer(0);
    let own = Arc::new(Mutex::new(None::<soiree_engine::Emission>));
    let looked = Arc::clone(&own);
    soiree.on("t", move |_| {
        let own = Arc::clone(&looked);
        Err::<(), _>(Loaded(Box::new(move || {
            if let Some(emission) = own.lock().unwrap().as_ref() {
                assert!(emission.wait().unfinished);
            }
        })))
    })?;
    soiree.on("t", |_| {
        Err::<(), _>(Loaded(Box::new(|| panic!("as it is dropped"))))
    })?;
    soiree.on("t", |_| {})?;
    let held = Hold::worker_of(&soiree);
    let emission = soiree.emit("t", ())?;
    *own.lock().unwrap() = Some(emission);
    held.let_go();
    let ended = || {
        own.lock()
            .unwrap()
            .as_ref()
            .is_some_and(soiree_engine::Emission::is_finished)
    };
    until("it has ended", ended);
    let report = own.lock().unwrap().take().unwrap().wait();
    assert_eq!(
        (report.delivered, report.failed, report.omitted_errors),
        (3, 2, 2)
    );
    let report = soiree.emit_sync("t", ())?;
    assert_eq!(
        (report.delivered, report.failed, report.omitted_errors),
        (3, 2, 2)
    );
    Ok(())
}

/// E5: a payload that is kept for long keeps no listener.
#[test]
fn a_kept_payload_keeps_no_listener_alive() -> BoxResult {
    let soiree = on_one_worker(4);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (keep, captured) = (Arc::clone(&kept), Arc::new(()));
    let watched = Arc::downgrade(&captured);
    soiree.on("t", move |event| {
        let _ = &captured;
        keep.lock().unwrap().push(event.payload());
    })?;
    soiree.emit("t", 7_u8)?.wait();
    drop(soiree);
    until("the listener is dropped", || watched.strong_count() == 0);
    assert_eq!(kept.lock().unwrap()[0].downcast_ref(), Some(&7_u8));
    Ok(())
}

/// E4: also on a pool that was in use before.
#[test]
fn close_from_a_job_of_a_former_pool_is_an_error() -> BoxResult {
    let former = Arc::new(WorkerPool::new(1, 4)?);
    let soiree = EventPool::with_pool(Arc::clone(&former));
    let inner = soiree.clone();
    former.submit_and_wait(move || {
        let _ = inner.emit("t", ()).unwrap();
        inner.set_pool(WorkerPool::new(1, 4).unwrap());
        assert_eq!(
            inner.close(),
            Err(soiree_engine::CloseError::InsideListener)
        );
    })?;
    soiree.close()?;
    Ok(())
}

/// E4: what was waited for is nothing that a close has to wait for.
#[test]
fn a_close_right_after_the_last_wait_leaves_nothing_unfinished() -> BoxResult {
    for _ in 0..500 {
        let pool = Arc::new(WorkerPool::new(1, 4)?);
        let soiree = EventPool::with_pool(pool);
        soiree.emit("t", ())?.wait();
        soiree.close_with_deadline(std::time::Instant::now())?;
    }
    Ok(())
}

/// P3, E1, L1: 8 threads, 100,000 emits each, 1,000 topics, listeners that come and go; the sums are exact.
#[test]
fn under_stress_the_sums_are_exact() -> BoxResult {
    let emits = 100_000_u64;
    let soiree = EventPool::with_pool(WorkerPool::new(2, 256)?);
    let delivered = Arc::new(AtomicU64::new(0));
    let failures = Arc::new(AtomicU64::new(0));
    let handled = Arc::clone(&failures);
    soiree.set_error_handler(move |_, _| {
        handled.fetch_add(1, Ordering::Relaxed);
        None
    });
    let count = Arc::clone(&delivered);
    soiree.on("stress.*", move |event| {
        count.fetch_add(1, Ordering::Relaxed);
        let number = *event.payload_as::<u64>().unwrap();
        if number % 100 == 0 {
            Err("every hundredth")
        } else {
            Ok(())
        }
    })?;
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (soiree, refused) = (&soiree, &refused);
            scope.spawn(move || {
                for number in 0..emits {
                    let topic = format!("stress.{}", (number * 7 + thread) % 1_000);
                    let _ = soiree.emit(&topic, number).unwrap();
                    if number % 512 == 0 {
                        let id = soiree.on(&topic, |_| {}).unwrap();
                        refused.fetch_add(
                            u64::from(soiree.emit("a..b", ()).is_err()),
                            Ordering::Relaxed,
                        );
                        soiree.off(&topic, &id).unwrap();
                    }
                }
            });
        }
    });
    soiree.close()?;
    let stats = soiree.pool_stats();
    assert_eq!(delivered.load(Ordering::Relaxed), 8 * emits);
    assert_eq!(failures.load(Ordering::Relaxed), 8 * emits.div_ceil(100));
    assert_eq!(refused.into_inner(), 8 * emits.div_ceil(512));
    assert_eq!((stats.submitted, stats.successful), (8 * emits, 8 * emits));
    assert!(stats.is_balanced() && stats.waiting == 0 && stats.active == 0);
    Ok(())
}

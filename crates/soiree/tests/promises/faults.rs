//! One test for each fault of the original, and larger crowds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use soiree::{EventPool, Priority, WorkerPool};

use crate::common::{BoxResult, Diary, on_one_worker};

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

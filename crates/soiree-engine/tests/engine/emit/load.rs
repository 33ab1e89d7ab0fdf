//! Many threads that emit at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use soiree::EventPool;
use soiree_pool::WorkerPool;

use crate::support::TestResult;

/// P2, E1
#[test]
fn ten_threads_emit_at_once() -> TestResult {
    let soiree = EventPool::new();
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    soiree.on("t", move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
    })?;
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(soiree.emit("t", ()).unwrap().wait().delivered(), 1));
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 10);
    Ok(())
}

/// P3, E1, L1: 8 threads emit 100,000 events each on 1,000 topics, while listeners are added and removed.
#[test]
fn under_stress_the_sums_are_exact() -> TestResult {
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
    let rejected = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (soiree, rejected) = (&soiree, &rejected);
            scope.spawn(move || {
                for number in 0..emits {
                    let topic = format!("stress.{}", (number * 7 + thread) % 1_000);
                    let _ = soiree.emit(&topic, number).unwrap();
                    if number % 512 == 0 {
                        let id = soiree.on(&topic, |_| {}).unwrap();
                        rejected.fetch_add(
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
    assert_eq!(rejected.into_inner(), 8 * emits.div_ceil(512));
    assert_eq!((stats.submitted, stats.successful), (8 * emits, 8 * emits));
    assert!(stats.is_balanced() && stats.waiting == 0 && stats.active == 0);
    Ok(())
}

//! E4, for emissions on the calling thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::{CloseError, EmitError};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TestResult, on_one_worker, wait_until};

fn rejects_emits(soiree: &EventPool) -> bool {
    let rejected =
        |emitted: Result<(), EmitError>| matches!(emitted, Err(EmitError::Closed { .. }));
    rejected(soiree.emit("x", ()).map(drop)) && rejected(soiree.emit_sync("x", ()).map(drop))
}

/// E4
#[test]
fn close_waits_for_every_started_emission_and_rejects_every_other_while_threads_emit() -> TestResult
{
    for _ in 0..20 {
        let soiree = EventPool::with_pool(WorkerPool::new(1, 4)?);
        let (started, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (begin, end) = (Arc::clone(&started), Arc::clone(&ended));
        soiree.on("t", move |_| {
            begin.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            end.fetch_add(1, Ordering::SeqCst);
        })?;
        let accepted = AtomicU64::new(0);
        let starting = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    starting.wait();
                    while soiree.emit_sync("t", ()).is_ok() {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    assert!(rejects_emits(&soiree));
                });
            }
            // Other listeners are added and removed meanwhile.
            scope.spawn(|| {
                starting.wait();
                while let Ok(id) = soiree.on("u", |_| {}) {
                    let _ = soiree.off("u", &id);
                }
            });
            starting.wait();
            wait_until("some have ended", || accepted.load(Ordering::SeqCst) > 50);
            soiree.close().unwrap();
            let started = started.load(Ordering::SeqCst);
            assert_eq!(
                ended.load(Ordering::SeqCst),
                started,
                "some are still running"
            );
        });
        assert_eq!(started.load(Ordering::SeqCst), accepted.into_inner());
    }
    Ok(())
}

/// E4: also for emissions that started before later subscriptions and settings.
#[test]
fn close_waits_for_emissions_that_started_with_earlier_listeners_and_settings() -> TestResult {
    let soiree = on_one_worker(1);
    let blocker = Blocker::on(&soiree, "t", ListenerOptions::new());
    thread::scope(|scope| {
        let emit = || soiree.emit_sync("t", ()).unwrap().delivered();
        let first = scope.spawn(emit);
        blocker.wait_started();
        soiree.on("t", |_| {}).unwrap();
        let second = scope.spawn(emit);
        blocker.wait_started();
        soiree.set_error_buffer(1);
        let close = scope.spawn(|| soiree.close());
        wait_until("the close has started", || rejects_emits(&soiree));
        blocker.release();
        wait_until("one has ended", || {
            first.is_finished() || second.is_finished()
        });
        assert!(!close.is_finished(), "the other one has not ended");
        assert_eq!(soiree.len(), 2, "the other one still needs its listeners");
        blocker.release();
        assert_eq!(close.join().unwrap(), Ok(()));
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 2));
    });
    assert!(soiree.is_empty());
    Ok(())
}

/// E4
#[test]
fn close_with_deadline_counts_emissions_on_other_threads_and_the_last_one_removes_the_listeners()
-> TestResult {
    let soiree = on_one_worker(8);
    let blocker = Blocker::on(&soiree, "t", ListenerOptions::new());
    let inner = soiree.clone();
    soiree.on("outer", move |_| {
        inner.emit_sync("t", ()).unwrap();
    })?;
    thread::scope(|scope| {
        let emit = |topic| {
            let soiree = &soiree;
            scope.spawn(move || soiree.emit_sync(topic, ()).unwrap())
        };
        let first = emit("t");
        blocker.wait_started();
        let on_a_worker = soiree.emit("t", ()).unwrap();
        blocker.wait_started();
        soiree.on("u", |_| {}).unwrap();
        emit("t");
        emit("outer");
        blocker.wait_started();
        blocker.wait_started();
        let closed = soiree.close_with_deadline(Instant::now());
        let Err(CloseError::DrainTimeout { emissions, .. }) = closed else {
            panic!("threads are blocked")
        };
        assert_eq!(emissions, 5, "three threads, an inner emission, a worker");
        for _ in 0..2 {
            blocker.release();
        }
        first.join().unwrap();
        assert_eq!(on_a_worker.wait().delivered(), 1);
        assert_eq!(soiree.len(), 3, "two emissions still run");
        for _ in 0..2 {
            blocker.release();
        }
    });
    wait_until("the last emission has removed the listeners", || {
        soiree.is_empty()
    });
    Ok(())
}

/// E4: nested emissions count as well, also below the depth that a thread can track without a counter.
#[test]
fn close_with_deadline_counts_nested_emissions() -> TestResult {
    const DEPTH: u64 = 20;
    let soiree = on_one_worker(1);
    let blocker = Blocker::on(&soiree, "t", ListenerOptions::new());
    let inner = soiree.clone();
    let depth = AtomicU64::new(2);
    soiree.on("outer", move |_| {
        let is_innermost = depth.fetch_add(1, Ordering::SeqCst) == DEPTH;
        let topic = if is_innermost { "t" } else { "outer" };
        inner.emit_sync(topic, ()).map(drop)
    })?;
    thread::scope(|scope| {
        let emission = scope.spawn(|| soiree.emit_sync("outer", ()).unwrap());
        blocker.wait_started();
        let closed = soiree.close_with_deadline(Instant::now());
        let Err(CloseError::DrainTimeout { emissions, .. }) = closed else {
            panic!("a thread is blocked")
        };
        assert_eq!(emissions, DEPTH);
        assert!(!soiree.is_empty(), "the emissions still run");
        blocker.release();
        assert!(emission.join().unwrap().is_ok());
    });
    wait_until("the last emission has removed the listeners", || {
        soiree.is_empty()
    });
    Ok(())
}

/// E4: threads that subscribe and change settings during the close are not counted as emissions.
#[test]
fn close_with_deadline_counts_emissions_and_nothing_else() -> TestResult {
    for _ in 0..200 {
        let soiree = on_one_worker(1);
        let changed = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(id) = soiree.on("u", |_| {}) {
                    let _ = soiree.off("u", &id);
                    soiree.set_error_buffer(1);
                    changed.fetch_add(1, Ordering::SeqCst);
                }
            });
            wait_until("a setting has changed", || {
                changed.load(Ordering::SeqCst) > 0
            });
            let closed = soiree.close_with_deadline(Instant::now());
            let unfinished = match closed {
                Err(CloseError::DrainTimeout { emissions, .. }) => emissions,
                // The deadline leaves the pool no time to end its worker.
                _ => 0,
            };
            assert_eq!(unfinished, 0);
        });
    }
    Ok(())
}

/// E4: when close returns, all that a listener owns is dropped, even if emits are rejected at that moment.
#[test]
fn listeners_are_dropped_when_close_returns() -> TestResult {
    for _ in 0..300 {
        let soiree = on_one_worker(1);
        let calls = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&calls);
        soiree.on("t", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })?;
        thread::scope(|scope| {
            scope.spawn(|| while soiree.emit_sync("t", ()).is_ok() {});
            wait_until("some are called", || calls.load(Ordering::SeqCst) > 10);
            soiree.close().unwrap();
            assert_eq!(Arc::strong_count(&calls), 1);
        });
    }
    Ok(())
}

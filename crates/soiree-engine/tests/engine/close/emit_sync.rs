//! E4, for emissions on the thread that emits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::ListenerOptions;
use soiree_engine::{CloseError, EmitError};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TestResult, on_one_worker, wait_until};

fn is_refused(soiree: &EventPool) -> bool {
    let refused = |emitted: Result<(), EmitError>| matches!(emitted, Err(EmitError::Closed { .. }));
    refused(soiree.emit("x", ()).map(drop)) && refused(soiree.emit_sync("x", ()).map(drop))
}

/// E4
#[test]
fn close_waits_for_every_emission_and_refuses_every_other_while_threads_emit() -> TestResult {
    for _ in 0..20 {
        let soiree = EventPool::with_pool(WorkerPool::new(1, 4)?);
        let (begun, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (begin, end) = (Arc::clone(&begun), Arc::clone(&ended));
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
                    assert!(is_refused(&soiree));
                });
            }
            // Others come and go meanwhile.
            scope.spawn(|| {
                starting.wait();
                while let Ok(id) = soiree.on("u", |_| {}) {
                    let _ = soiree.off("u", &id);
                }
            });
            starting.wait();
            wait_until("some are in", || accepted.load(Ordering::SeqCst) > 50);
            soiree.close().unwrap();
            let begun = begun.load(Ordering::SeqCst);
            assert_eq!(ended.load(Ordering::SeqCst), begun, "some are on their way");
        });
        assert_eq!(begun.load(Ordering::SeqCst), accepted.into_inner());
    }
    Ok(())
}

/// E4: also for those that began before what was subscribed and set since.
#[test]
fn close_waits_for_emissions_of_earlier_listeners_and_settings() -> TestResult {
    let soiree = on_one_worker(1);
    let blocker = Blocker::on(&soiree, "t", ListenerOptions::new());
    thread::scope(|scope| {
        let emit = || soiree.emit_sync("t", ()).unwrap().delivered;
        let first = scope.spawn(emit);
        blocker.wait_started();
        soiree.on("t", |_| {}).unwrap();
        let second = scope.spawn(emit);
        blocker.wait_started();
        soiree.set_error_buffer(1);
        let close = scope.spawn(|| soiree.close());
        wait_until("it closes", || is_refused(&soiree));
        blocker.release();
        wait_until("one has ended", || {
            first.is_finished() || second.is_finished()
        });
        assert!(!close.is_finished(), "the other one has not ended");
        assert_eq!(soiree.len(), 2, "it still has its listeners");
        blocker.release();
        assert_eq!(close.join().unwrap(), Ok(()));
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (1, 2));
    });
    assert!(soiree.is_empty());
    Ok(())
}

/// E4
#[test]
fn close_with_deadline_counts_emissions_on_other_threads_and_the_last_one_clears_up() -> TestResult
{
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
            panic!("threads are held")
        };
        assert_eq!(emissions, 5, "three threads, an inner emission, a worker");
        for _ in 0..2 {
            blocker.release();
        }
        first.join().unwrap();
        assert_eq!(on_a_worker.wait().delivered, 1);
        assert_eq!(soiree.len(), 3, "two threads are still inside");
        for _ in 0..2 {
            blocker.release();
        }
    });
    wait_until("the last emission has taken the listeners off", || {
        soiree.is_empty()
    });
    Ok(())
}

/// E4: however deep they are inside one another, which is deeper than a thread has places for what it reads without counting it.
#[test]
fn close_with_deadline_counts_emissions_inside_one_another() -> TestResult {
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
            panic!("a thread is held")
        };
        assert_eq!(emissions, DEPTH);
        assert!(!soiree.is_empty(), "it is still inside");
        blocker.release();
        assert!(emission.join().unwrap().is_ok());
    });
    wait_until("the last emission has taken the listeners off", || {
        soiree.is_empty()
    });
    Ok(())
}

/// E4: those who subscribe and set something while it closes are no emissions.
#[test]
fn close_with_deadline_counts_emissions_and_nobody_else() -> TestResult {
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
            wait_until("it changes", || changed.load(Ordering::SeqCst) > 0);
            let closed = soiree.close_with_deadline(Instant::now());
            let unfinished = match closed {
                Err(CloseError::DrainTimeout { emissions, .. }) => emissions,
                // The pool is not given the time to end its worker.
                _ => 0,
            };
            assert_eq!(unfinished, 0);
        });
    }
    Ok(())
}

/// E4: whatever a listener owns is free when close returns, though emissions are refused at that moment.
#[test]
fn listeners_are_gone_when_close_returns() -> TestResult {
    for _ in 0..300 {
        let soiree = on_one_worker(1);
        let calls = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&calls);
        soiree.on("t", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })?;
        thread::scope(|scope| {
            scope.spawn(|| while soiree.emit_sync("t", ()).is_ok() {});
            wait_until("it is emitted", || calls.load(Ordering::SeqCst) > 10);
            soiree.close().unwrap();
            assert_eq!(Arc::strong_count(&calls), 1);
        });
    }
    Ok(())
}

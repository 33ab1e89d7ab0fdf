//! What happens to futures when a bulkhead, an `EventPool` or a runtime shuts down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::{DrainBulkheadError, EventPool};
use soiree_core::ListenerErrorKind;
use soiree_engine::{CloseError, CutOffCause, Emission, Report};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::common::{HeldListeners, async_stats, runtime, wait_idle, with_async};
use crate::support::{Blocker, CallLog, TIME_LIMIT, wait_until};

fn error_kind(report: &Report) -> ListenerErrorKind {
    assert_eq!(report.errors().len(), 1, "{report:?}");
    report.errors()[0].kind()
}

fn runtime_of_one_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).build().unwrap()
}

/// On a runtime of one thread, emits three times. Two listeners are then in flight, never end, and are not being polled; one waits
/// to start. Each event has the payload.
fn emit_endless(runtime: &Runtime, soiree: &EventPool, payload: &Arc<()>) -> [Emission; 3] {
    let endless = HeldListeners::on(soiree, "endless");
    let emissions = [0; 3].map(|_| soiree.emit("endless", Arc::clone(payload)).unwrap());
    endless.wait_started();
    endless.wait_started();
    wait_until("all three have reached the bulkhead", || {
        async_stats(soiree).waiting == 1 && soiree.pool_stats().active == 0
    });
    // Its only thread polls nothing else by then.
    runtime.block_on(runtime.spawn(async {})).unwrap();
    emissions
}

/// Asserts that two listeners were cancelled and one was discarded, in any order, and that nothing keeps the payload.
fn assert_cut_short(emissions: [Emission; 3], payload: Arc<()>) {
    let reports = emissions.each_ref().map(Emission::wait);
    let count = |wanted| {
        let kinds = reports.iter().map(error_kind);
        kinds.filter(|kind| *kind == wanted).count()
    };
    assert_eq!(
        [
            count(ListenerErrorKind::Cancelled),
            count(ListenerErrorKind::Discarded)
        ],
        [2, 1]
    );
    for report in &reports {
        let (called, not_called) = (report.delivered(), report.not_called());
        assert_eq!(called + not_called, 1);
        assert_eq!(
            called == 1,
            error_kind(report) == ListenerErrorKind::Cancelled
        );
        assert!(!report.is_ok());
    }
    drop(emissions);
    wait_until("all futures and payloads are dropped", || {
        Arc::strong_count(&payload) == 1
    });
}

/// E4: without a deadline, a close waits for all futures to end, including those that have not started.
#[test]
fn a_close_lets_futures_end() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = HeldListeners::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.wait_started();
    thread::scope(|scope| {
        let closing = scope.spawn(|| soiree.close());
        wait_until("the close has started", || soiree.is_closed());
        assert!(!closing.is_finished());
        held.finish(3);
        closing.join().unwrap().unwrap();
    });
    for emission in emissions {
        assert!(emission.is_finished() && emission.wait().is_ok());
    }
    assert_eq!(async_stats(&soiree).successful, 3);
}

/// E4, P5: at the deadline of a close, futures are cancelled and waiting ones discarded. The close and the reports say so, and the
/// reports are complete when the close returns.
#[test]
fn a_close_cancels_at_its_deadline() {
    let runtime = runtime_of_one_thread();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = emit_endless(&runtime, &soiree, &payload);
    let closed = soiree.close_with_deadline(Instant::now());
    let Err(CloseError::DrainTimeout {
        emissions: left,
        pool: Some(pool),
        ..
    }) = closed
    else {
        panic!("{closed:?}");
    };
    assert_eq!((left, pool.active, pool.discarded), (3, 0, 3));
    assert!(emissions.iter().all(Emission::is_finished));
    assert_cut_short(emissions, payload);
    let stats = wait_idle(&soiree);
    assert_eq!((stats.submitted, stats.discarded), (3, 3));
    assert!(soiree.is_empty());
}

/// P5: a drain with a deadline does the same to one bulkhead and says so; the `EventPool` goes on.
#[test]
fn a_drain_cancels_at_its_deadline() {
    let runtime = runtime_of_one_thread();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = emit_endless(&runtime, &soiree, &payload);
    let drained = soiree.drain_bulkhead_with_deadline("async", Instant::now());
    let Err(DrainBulkheadError::DrainTimeout { source, .. }) = drained else {
        panic!("{drained:?}");
    };
    assert_eq!((source.active, source.discarded), (0, 3));
    assert!(emissions.iter().all(Emission::is_finished));
    assert_cut_short(emissions, payload);
    soiree.on("a", |_| {}).unwrap();
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    soiree.close().unwrap();
}

/// P5: a future is dropped where it next yields. One that blocks runs on until then, and the close does not wait for it.
#[test]
fn a_future_is_cancelled_where_it_yields() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let log = CallLog::default();
    let (started, has_started) = channel();
    let permits = Arc::new(Semaphore::new(0));
    let (notes, listener_permits) = (log.clone(), Arc::clone(&permits));
    soiree
        .on_async("a", move |_| {
            let (started, notes) = (started.clone(), notes.clone());
            let permits = Arc::clone(&listener_permits);
            async move {
                started.send(()).unwrap();
                wait_until("it may go on", || permits.available_permits() > 0);
                notes.record("before the yield");
                tokio::task::yield_now().await;
                notes.record("after the yield");
            }
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    has_started.recv_timeout(TIME_LIMIT).unwrap();
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert!(!emission.is_finished());
    permits.add_permits(1);
    assert_eq!(error_kind(&emission.wait()), ListenerErrorKind::Cancelled);
    assert_eq!(log.take(), ["before the yield"]);
}

/// E4: closing from inside an async listener is an error rather than a deadlock.
#[test]
fn an_async_listener_cannot_close() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let weak = soiree.downgrade();
    soiree
        .on_async("a", move |_| {
            let soiree = weak.upgrade();
            async move {
                tokio::task::yield_now().await;
                match soiree.map(|soiree| soiree.close()) {
                    Some(Err(CloseError::InsideListener)) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
        })
        .unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert!(report.is_ok(), "{report:?}");
    soiree.close().unwrap();
}

/// L3, P4: an async listener may drain its own bulkhead, with or without a deadline. It does not wait for the other listeners, which
/// may need its thread, and cancels none of them.
#[test]
fn an_async_listener_may_drain_its_bulkhead() {
    for with_deadline in [false, true] {
        let runtime = runtime_of_one_thread();
        let soiree = with_async(&runtime, 2, 4);
        let held = HeldListeners::on(&soiree, "held");
        let (drained, is_drained) = channel();
        let weak = soiree.downgrade();
        soiree
            .on_async("drains", move |_| {
                let (soiree, drained) = (weak.upgrade().unwrap(), drained.clone());
                async move {
                    let far = Instant::now() + TIME_LIMIT;
                    let is_ok = match with_deadline {
                        true => soiree.drain_bulkhead_with_deadline("async", far).is_ok(),
                        false => soiree.drain_bulkhead("async").is_ok(),
                    };
                    drained.send(is_ok).unwrap();
                }
            })
            .unwrap();
        let running = soiree.emit("held", ()).unwrap();
        held.wait_started();
        let drains = soiree.emit("drains", ()).unwrap();
        let is_ok = is_drained.recv_timeout(TIME_LIMIT / 2).unwrap();
        assert_eq!(is_ok, !with_deadline, "one that waits says what is left");
        held.finish(1);
        for emission in [running, drains] {
            let report = emission.wait_timeout(TIME_LIMIT).unwrap();
            assert!(report.is_ok(), "{report:?}");
        }
        soiree.close().unwrap();
    }
}

/// E5: dropping the last handle neither waits nor loses an emitted event.
#[test]
fn futures_outlive_the_last_handle() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = HeldListeners::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.wait_started();
    wait_until("the other two wait", || async_stats(&soiree).waiting == 2);
    drop(soiree);
    held.finish(3);
    for emission in emissions {
        assert!(emission.wait().is_ok());
    }
}

/// E6: a runtime that shuts down cancels the futures in flight, and the waiting ones are discarded. Every waiting thread wakes,
/// and later emissions report a rejection.
#[test]
fn a_runtime_that_shuts_down_strands_nobody() {
    let runtime = runtime_of_one_thread();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = emit_endless(&runtime, &soiree, &payload);
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("endless", ()).unwrap());
        wait_until("the fourth one waits as well", || {
            async_stats(&soiree).waiting == 2
        });
        runtime.shutdown_background();
        assert_eq!(
            error_kind(&sync.join().unwrap()),
            ListenerErrorKind::Discarded
        );
    });
    assert_cut_short(emissions, payload);
    let stats = wait_idle(&soiree);
    assert_eq!((stats.submitted, stats.discarded), (4, 4));
    assert_rejected(&soiree);
    soiree.close().unwrap();
}

/// E6, P8: if the runtime is gone before the first listener starts, the listener is rejected and nothing hangs.
#[test]
fn a_runtime_that_is_gone_rejects() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    soiree.on_async("endless", |_| async {}).unwrap();
    drop(runtime);
    assert_rejected(&soiree);
    let stats = async_stats(&soiree);
    assert_eq!((stats.submitted, stats.rejected, stats.active), (0, 1, 0));
    soiree.close().unwrap();
}

fn assert_rejected(soiree: &EventPool) {
    let report = soiree.emit("endless", ()).unwrap().wait();
    assert_eq!((report.delivered(), report.not_called()), (0, 1));
    assert_eq!(error_kind(&report), ListenerErrorKind::Rejected);
}

/// E4: a close leaves a bulkhead running that was added as an `Arc`, but still waits for the emissions and so for their futures.
#[test]
fn a_shared_bulkhead_outlives_the_event_pool() {
    let runtime = runtime();
    let tasks = soiree_tokio::TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    let tasks = Arc::new(tasks);
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let soiree = EventPool::builder()
            .bulkhead("async", Arc::clone(&tasks))
            .build()
            .unwrap();
        let count = Arc::clone(&ran);
        soiree
            .on_async("a", move |_| {
                let count = Arc::clone(&count);
                async move {
                    tokio::task::yield_now().await;
                    count.fetch_add(1, Ordering::SeqCst);
                }
            })
            .unwrap();
        soiree.emit("a", ()).unwrap();
        soiree.close().unwrap();
    }
    assert_eq!(ran.load(Ordering::SeqCst), 2);
}

/// E4: a future that blocks the thread which polls it is named, and one that waits for something else is not.
#[test]
fn a_future_that_is_being_polled_is_named() {
    // With one thread, a future is polled only once the poll of the one before has returned.
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    let runtime = runtime.unwrap();
    let soiree = with_async(&runtime, 4, 8);
    let (block, blocker) = Blocker::new();
    let block = Arc::new(block);
    let blocks = move |_| {
        let block = Arc::clone(&block);
        async move { block() }
    };
    soiree.on_async("a.blocks", blocks).unwrap();
    let held = HeldListeners::on(&soiree, "a.held");
    soiree.emit("a.held", ()).unwrap();
    held.wait_started();
    soiree.emit("a.blocks", ()).unwrap();
    blocker.wait_started();
    wait_until("only the future runs", || soiree.pool_stats().active == 0);
    let error = soiree.close_with_deadline(Instant::now()).unwrap_err();
    let CloseError::DrainTimeout { described, .. } = &error else {
        panic!("{error:?}");
    };
    let running = described.iter();
    let running = running.filter(|one| one.cause == CutOffCause::Running);
    let topics: Vec<&str> = running.map(|one| &*one.topic).collect();
    assert_eq!(topics, ["a.blocks"]);
    blocker.release();
}

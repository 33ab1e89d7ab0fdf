//! What the end of a bulkhead, an `EventPool` or a runtime does to futures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::{DrainBulkheadError, EventPool};
use soiree_core::ListenerErrorKind;
use soiree_engine::{CloseError, Emission, Report};
use tokio::sync::Semaphore;

use super::common::{Diary, Held, PATIENCE, at_rest, figures, runtime, until, with_async};

fn failure(report: &Report) -> ListenerErrorKind {
    assert_eq!(report.errors.len(), 1, "{report:?}");
    report.errors[0].kind()
}

/// With two listeners in flight that never end, and one that waits to start; each emission carries the payload.
fn without_end(soiree: &EventPool, payload: &Arc<()>) -> [Emission; 3] {
    let endless = Held::on(soiree, "endless");
    let emissions = [0; 3].map(|_| soiree.emit("endless", Arc::clone(payload)).unwrap());
    endless.has_started();
    endless.has_started();
    until("all have been handed over", || {
        figures(soiree).waiting == 1 && soiree.pool_stats().active == 0
    });
    emissions
}

/// Two were cancelled and one discarded, in whichever order they had come.
fn cut_short(emissions: [Emission; 3], payload: Arc<()>) {
    let reports = emissions.each_ref().map(Emission::wait);
    let count = |wanted| {
        let mut failures = reports.iter().map(failure);
        let found = failures.by_ref().filter(|failure| *failure == wanted);
        found.count()
    };
    assert_eq!(
        [
            count(ListenerErrorKind::Cancelled),
            count(ListenerErrorKind::Discarded)
        ],
        [2, 1]
    );
    for report in &reports {
        let (called, not_called) = (report.delivered, report.not_called);
        assert_eq!(called + not_called, 1);
        assert_eq!(called == 1, failure(report) == ListenerErrorKind::Cancelled);
        assert!(!report.is_ok());
    }
    drop(emissions);
    until("all is dropped", || Arc::strong_count(&payload) == 1);
}

/// E4: without a deadline a close waits for futures to end, those included that wait for a place.
#[test]
fn a_close_lets_futures_end() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = Held::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.has_started();
    thread::scope(|scope| {
        let closing = scope.spawn(|| soiree.close());
        until("it closes", || soiree.is_closed());
        assert!(!closing.is_finished());
        held.let_go(3);
        closing.join().unwrap().unwrap();
    });
    for emission in emissions {
        assert!(emission.is_finished() && emission.wait().is_ok());
    }
    assert_eq!(figures(&soiree).successful, 3);
}

/// E4, P5: at the deadline of a close, futures are cancelled and what waits is discarded; the close and the reports say so.
#[test]
fn a_close_cancels_at_its_deadline() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = without_end(&soiree, &payload);
    let closed = soiree.close_with_deadline(Instant::now());
    let Err(CloseError::DrainTimeout {
        emissions: left,
        pool: Some(pool),
    }) = closed
    else {
        panic!("{closed:?}");
    };
    assert_eq!((left, pool.active, pool.discarded), (3, 2, 1));
    cut_short(emissions, payload);
    let stats = at_rest(&soiree);
    assert_eq!((stats.submitted, stats.discarded), (3, 3));
    assert!(soiree.is_empty());
}

/// P5: a drain with a deadline does the same to one bulkhead, and says so; the `EventPool` goes on.
#[test]
fn a_drain_cancels_at_its_deadline() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = without_end(&soiree, &payload);
    let drained = soiree.drain_bulkhead_with_deadline("async", Instant::now());
    let Err(DrainBulkheadError::DrainTimeout { source, .. }) = drained else {
        panic!("{drained:?}");
    };
    assert_eq!((source.active, source.discarded), (2, 1));
    cut_short(emissions, payload);
    soiree.on("a", |_| {}).unwrap();
    assert!(soiree.emit("a", ()).unwrap().wait().is_ok());
    soiree.close().unwrap();
}

/// P5: a future is dropped where it next yields, not before: one that blocks runs on until then, and nobody waits for it.
#[test]
fn a_future_is_cancelled_where_it_yields() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let diary = Diary::default();
    let (said, blocks) = channel();
    let permits = Arc::new(Semaphore::new(0));
    let (note, wanted) = (diary.clone(), Arc::clone(&permits));
    soiree
        .on_async("a", move |_| {
            let (said, note, wanted) = (said.clone(), note.clone(), Arc::clone(&wanted));
            async move {
                said.send(()).unwrap();
                until("it may go on", || wanted.available_permits() > 0);
                note.note("before the yield");
                tokio::task::yield_now().await;
                note.note("after it");
            }
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    blocks.recv_timeout(PATIENCE).unwrap();
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert!(!emission.is_finished());
    permits.add_permits(1);
    assert_eq!(failure(&emission.wait()), ListenerErrorKind::Cancelled);
    assert_eq!(diary.take(), ["before the yield"]);
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

/// E5: dropping the last handle neither waits nor loses what was emitted.
#[test]
fn futures_outlive_the_last_handle() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let held = Held::on(&soiree, "held");
    let emissions = [0; 3].map(|_| soiree.emit("held", ()).unwrap());
    held.has_started();
    until("the others wait", || figures(&soiree).waiting == 2);
    drop(soiree);
    held.let_go(3);
    for emission in emissions {
        assert!(emission.wait().is_ok());
    }
}

/// E6: a runtime that ends cancels what is in flight, and what waits is discarded; every waiter wakes, and later ones are told.
#[test]
fn a_runtime_that_ends_strands_nobody() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    let payload = Arc::new(());
    let emissions = without_end(&soiree, &payload);
    thread::scope(|scope| {
        let sync = scope.spawn(|| soiree.emit_sync("endless", ()).unwrap());
        until("it waits as well", || figures(&soiree).waiting == 2);
        runtime.shutdown_background();
        assert_eq!(failure(&sync.join().unwrap()), ListenerErrorKind::Discarded);
    });
    cut_short(emissions, payload);
    let stats = at_rest(&soiree);
    assert_eq!((stats.submitted, stats.discarded), (4, 4));
    is_refused(&soiree);
    soiree.close().unwrap();
}

/// E6, P8: a runtime that is gone before the first listener refuses, and nothing hangs.
#[test]
fn a_runtime_that_is_gone_refuses() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    soiree.on_async("endless", |_| async {}).unwrap();
    drop(runtime);
    is_refused(&soiree);
    let stats = figures(&soiree);
    assert_eq!((stats.submitted, stats.rejected, stats.active), (0, 1, 0));
    soiree.close().unwrap();
}

fn is_refused(soiree: &EventPool) {
    let report = soiree.emit("endless", ()).unwrap().wait();
    assert_eq!((report.delivered, report.not_called), (0, 1));
    assert_eq!(failure(&report), ListenerErrorKind::Rejected);
}

/// E4: an `Arc` of a bulkhead is left running by a close, which waits for the emissions, and so for the futures, all the same.
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

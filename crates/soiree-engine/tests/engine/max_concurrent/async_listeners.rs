//! Async listeners with a limit of calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{assert_at_rest, emit, limit, wait, wait_for_waiting};
use crate::async_listener::common::{HeldListeners, async_stats, runtime, with_async};

/// W5: futures beyond the limit are not started, and hold no place in the bulkhead.
#[test]
fn futures_beyond_the_limit_wait() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 8, 8);
    let held = HeldListeners::on_with(&soiree, "a", limit(2));
    let emissions = emit(&soiree, "a", 5);
    held.wait_started();
    held.wait_started();
    wait_for_waiting(&soiree, 3);
    assert_eq!(async_stats(&soiree).active, 2);
    for _ in 0..3 {
        held.finish(1);
        held.wait_started();
    }
    assert_eq!(soiree.stats().waiting.turn, 0);
    held.finish(2);
    assert!(emissions.iter().all(|emission| wait(emission).is_ok()));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5, L3: a future that awaits an emission whose call waits for it gets an unfinished report at once. The call is made later.
#[test]
fn an_await_inside_the_same_listener_returns_at_once() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 8);
    let (weak, calls) = (soiree.downgrade(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&calls);
    soiree
        .on_async_with("a", limit(1), move |event| {
            let (weak, count) = (weak.clone(), Arc::clone(&count));
            async move {
                count.fetch_add(1, Ordering::SeqCst);
                if !event.payload().is::<u8>() {
                    let soiree = weak.upgrade().unwrap();
                    let report = soiree.emit("a", 1_u8).unwrap().await;
                    assert!(report.is_unfinished(), "{report:?}");
                }
            }
        })
        .unwrap();
    let report = wait(&soiree.emit("a", ()).unwrap());
    assert!(report.is_ok(), "{report:?}");
    assert_at_rest(&soiree);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    soiree.close().unwrap();
}

/// W5: the only future of the bulkhead awaits a call that waits behind another one, which waits for the bulkhead. It runs both inside.
#[test]
fn a_future_runs_the_calls_before_the_one_that_it_awaits() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 8);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    soiree
        .on_async_with("turn", limit(1), move |_| {
            let count = Arc::clone(&count);
            async move {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        })
        .unwrap();
    let weak = soiree.downgrade();
    soiree
        .on_async("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            async move {
                let first = soiree.emit("turn", ()).unwrap();
                let second = soiree.emit("turn", ()).unwrap();
                // On the default pool; the bulkhead is occupied by this future.
                while soiree.stats().waiting.turn == 0 {
                    tokio::task::yield_now().await;
                }
                drop(soiree);
                assert!(second.await.is_ok() && first.await.is_ok());
            }
        })
        .unwrap();
    assert!(wait(&soiree.emit("outer", ()).unwrap()).is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

/// W5: a future that is dropped before its end gives its turn back.
#[test]
fn a_cancelled_future_gives_its_turn_back() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 8);
    let held = HeldListeners::on_with(&soiree, "a", limit(1));
    let emissions = emit(&soiree, "a", 2);
    held.wait_started();
    wait_for_waiting(&soiree, 1);
    let drained = soiree.drain_bulkhead_with_deadline("async", std::time::Instant::now());
    assert!(drained.is_err());
    let mut reports: Vec<_> = emissions.iter().map(wait).collect();
    reports.sort_by_key(|report| report.delivered());
    // One was cancelled. The other one got its turn, and no bulkhead polls it.
    assert_eq!((reports[0].not_called(), reports[1].failed()), (1, 1));
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

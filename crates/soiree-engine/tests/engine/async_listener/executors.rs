//! Awaiting emissions in executors of all kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soiree::EventPool;
use soiree_pool::WorkerPool;
use soiree_tokio::TaskPool;
use tokio::runtime::Builder;

use super::common::{runtime, with_async};

/// Awaits emissions with plain and async listeners.
async fn emit_and_await(soiree: EventPool, times: usize) {
    let ran = Arc::new(AtomicUsize::new(0));
    let (plain, counted) = (Arc::clone(&ran), Arc::clone(&ran));
    let mut ids = Vec::new();
    let id = soiree.on("a", move |_| {
        plain.fetch_add(1, Ordering::SeqCst);
    });
    ids.push(id.unwrap());
    let id = soiree.on_async("a", move |_| {
        let counted = Arc::clone(&counted);
        async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    ids.push(id.unwrap());
    for _ in 0..times {
        let report = soiree.emit("a", ()).unwrap().await;
        assert_eq!((report.delivered(), report.is_ok()), (2, true));
    }
    assert_eq!(ran.load(Ordering::SeqCst), 2 * times);
    for id in ids {
        soiree.off("a", &id).unwrap();
    }
}

/// E1: `.await` needs no runtime; it works in executors that only poll in a loop.
#[test]
fn an_emission_can_be_awaited_in_any_executor() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 10);
    pollster::block_on(emit_and_await(soiree.clone(), 20));
    futures_executor::block_on(emit_and_await(soiree.clone(), 20));
    futures_executor::LocalPool::new().run_until(emit_and_await(soiree.clone(), 20));
    runtime.block_on(emit_and_await(soiree.clone(), 20));
    let task = runtime.spawn(emit_and_await(soiree.clone(), 20));
    runtime.block_on(task).unwrap();
    soiree.close().unwrap();
}

/// E1: on a runtime with one thread, the async listeners run on the thread that awaits the emission.
#[test]
fn an_emission_can_be_awaited_on_a_current_thread_runtime() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let soiree = with_async(&runtime, 2, 10);
    runtime.block_on(emit_and_await(soiree.clone(), 20));
    // A close blocks, so it must not run on the only thread that polls the futures.
    let closing = soiree.clone();
    let closed = runtime.block_on(async move {
        closing.on_async("a", |_| async {}).unwrap();
        closing.emit("a", ()).unwrap();
        tokio::task::spawn_blocking(move || closing.close()).await
    });
    closed.unwrap().unwrap();
}

/// E1: the runtime that polls the async listeners may be another one than the runtime that awaits the emission.
#[test]
fn an_emission_can_be_awaited_on_another_runtime() {
    let [one, other] = [runtime(), runtime()];
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 10).unwrap())
        .bulkhead("async", TaskPool::new(one.handle().clone(), 1, 1).unwrap())
        .build()
        .unwrap();
    other.block_on(emit_and_await(soiree.clone(), 20));
    soiree.close().unwrap();
}

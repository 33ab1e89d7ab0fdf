//! Waiting on the only thread of a runtime, whose futures cannot end meanwhile.

use std::time::Instant;

use soiree::EventPool;
use soiree_engine::CloseError;
use soiree_tokio::TaskPool;
use tokio::runtime::{Builder, Runtime};

use crate::support::worker_pool;

/// A current-thread runtime, and an event pool whose async listeners run there.
fn on_current_thread() -> (Runtime, EventPool) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 4, 16).unwrap();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("async", tasks)
        .build()
        .unwrap();
    soiree
        .on_async("a", |_| async { tokio::task::yield_now().await })
        .unwrap();
    (runtime, soiree)
}

/// L3: blocking on an emission whose async listeners need the blocked thread returns at once, and the report says that it is unfinished.
#[test]
fn blocking_on_the_thread_of_a_runtime_does_not_hang() {
    let (runtime, soiree) = on_current_thread();
    runtime.block_on(async {
        let emission = soiree.emit("a", ()).unwrap();
        assert!(emission.wait().is_unfinished());
        let report = emission.await;
        assert!(report.is_ok(), "{report:?}");
    });
    soiree.close().unwrap();
}

/// E4: closing there is an error that says where to close, unless nothing is in flight. The event pool stays open.
#[test]
fn closing_on_the_thread_of_a_runtime_is_an_error() {
    let (runtime, soiree) = on_current_thread();
    runtime.block_on(async {
        let emission = soiree.emit("a", ()).unwrap();
        let error = soiree.close().unwrap_err();
        let bulkhead = "async".into();
        assert_eq!(error, CloseError::WouldDeadlock { bulkhead });
        assert!(error.to_string().contains("another thread"), "{error}");
        assert!(!soiree.is_closed());
        assert!(emission.await.is_ok());
    });
    runtime.block_on(async {
        let other = soiree.clone();
        let emission = soiree.emit("a", ()).unwrap();
        let closed = tokio::task::spawn_blocking(move || other.close());
        assert!(emission.await.is_ok());
        closed.await.unwrap().unwrap();
    });
}

/// E4: with a deadline it closes, and reports what it has cancelled.
#[test]
fn closing_there_with_a_deadline_cancels() {
    let (runtime, soiree) = on_current_thread();
    runtime.block_on(async {
        let emission = soiree.emit("a", ()).unwrap();
        let closed = soiree.close_with_deadline(Instant::now());
        assert!(closed.is_err(), "{closed:?}");
        let report = emission.await;
        assert_eq!(
            report.delivered() + report.not_called(),
            u64::from(!report.is_discarded())
        );
    });
}

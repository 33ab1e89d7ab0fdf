//! Each promise to async callers on each executor and each pool, while a thread emits too.

use std::future::{Future, IntoFuture, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use soiree::{
    EventPool, InboxOptions, ListenerErrorKind, ListenerOptions, Overflow, Received, TaskPool,
    WaitForError, WhenFull,
};

use crate::executors::on_every_executor;
use crate::pools::on_every_pool;
use crate::support::{TIME_LIMIT, wait_until};

/// Emits while a thread does: all are handled once, and awaiting blocks no thread.
async fn emits_beside_a_thread(soiree: &EventPool) {
    const EVENTS: usize = 20;
    let handled = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&handled);
    let count = move |_: &dyn soiree::Event| {
        counts.fetch_add(1, Ordering::SeqCst);
    };
    let id = soiree.on("work.*", count).unwrap();
    let emitter = soiree.clone();
    let thread = thread::spawn(move || {
        let emit = |_| emitter.emit("work.thread", ()).unwrap();
        let emissions: Vec<_> = (0..EVENTS).map(emit).collect();
        assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    });
    let mut emissions = Vec::new();
    for _ in 0..EVENTS {
        emissions.push(soiree.emit_async("work.task", ()).await.unwrap());
    }
    for emission in emissions {
        assert_eq!(emission.await.delivered(), 1);
    }
    thread.join().unwrap();
    assert_eq!(handled.load(Ordering::SeqCst), 2 * EVENTS);
    soiree.off("work.*", &id).unwrap();
}

/// With the only worker blocked and the queue full, `try_emit` returns the payload, and an emit that is dropped has emitted nothing.
async fn finds_no_place(soiree: &EventPool) {
    let (open, opened) = channel::<()>();
    let (started, has_started) = channel();
    let opened = Mutex::new(opened);
    let block = move |_: &dyn soiree::Event| {
        started.send(()).unwrap();
        let _ = opened.lock().unwrap().recv();
    };
    let id = soiree
        .on_with("block", ListenerOptions::new(), block)
        .unwrap();
    let blocked = soiree.emit_async("block", ()).await.unwrap();
    has_started.recv_timeout(TIME_LIMIT).unwrap();
    let queued = soiree.try_emit("queued", 1_u8).unwrap();
    let rejected = soiree.try_emit("rejected", 2_u8).unwrap_err();
    assert!(rejected.is_full());
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&2_u8));
    let before = soiree.pool_stats().submitted;
    {
        let mut dropped = pin!(soiree.emit_async("dropped", 3_u8));
        let is_pending =
            poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending()));
        assert!(is_pending.await);
    }
    assert_eq!(soiree.pool_stats().submitted, before);
    drop(open);
    assert!(blocked.await.is_ok() && queued.await.is_ok());
    soiree.off("block", &id).unwrap();
}

/// What an inbox received and what it missed is what matched; a wait gets one event, or ends with its time.
async fn receives(soiree: &EventPool) {
    let options = InboxOptions::new(2).when_full(WhenFull::DropOldest);
    let inbox = soiree.inbox("item", options).unwrap();
    let wait = soiree.wait_for("item");
    for number in 0..5_u64 {
        assert!(
            soiree
                .emit_async("item", number)
                .await
                .unwrap()
                .await
                .is_ok()
        );
    }
    let mut items = Vec::new();
    while items.len() < 3 {
        items.push(match inbox.recv_async().await.unwrap() {
            Received::Event(event) => *event.payload_as::<u64>().unwrap(),
            Received::Missed(count) => 100 + count,
        });
    }
    assert_eq!(items, [103, 3, 4]);
    assert_eq!(*wait.await.unwrap().payload_as::<u64>().unwrap(), 0);
    drop(inbox);
    let late = soiree.wait_for("never").timeout(Duration::from_millis(1));
    assert!(matches!(
        late.into_future().await,
        Err(WaitForError::TimedOut { .. })
    ));
    assert!(soiree.is_empty());
}

/// An async listener whose time runs out is dropped and reported.
async fn times_out(soiree: &EventPool) {
    let held = Arc::new(());
    let options = ListenerOptions::new().timeout(Duration::from_millis(5));
    let captured = Arc::clone(&held);
    let listener = move |_| {
        let captured = Arc::clone(&captured);
        async move {
            let _captured = captured;
            pending::<()>().await;
        }
    };
    let id = soiree.on_async_with("slow", options, listener).unwrap();
    let report = soiree.emit_async("slow", ()).await.unwrap().await;
    assert_eq!((report.timed_out(), report.failed()), (1, 1));
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::TimedOut);
    soiree.off("slow", &id).unwrap();
    wait_until("future and listener are dropped", || {
        Arc::strong_count(&held) == 1
    });
}

/// A1, A2, A3, A4, A5, A6
#[test]
fn every_promise_holds_on_every_executor_and_every_pool() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).build().unwrap();
    on_every_executor(|run| {
        on_every_pool(1, Overflow::Block, |on| {
            let tasks = TaskPool::new(runtime.handle().clone(), 4, 16).unwrap();
            on.soiree.add_bulkhead("async", tasks).unwrap();
            run(Box::pin(async move {
                emits_beside_a_thread(&on.soiree).await;
                finds_no_place(&on.soiree).await;
                receives(&on.soiree).await;
                times_out(&on.soiree).await;
                on.soiree.close_async().await.unwrap();
                assert!(on.soiree.emit_async("late", ()).await.is_err());
                assert_eq!(on.soiree.stats().in_flight, 0);
            }));
        });
    });
}

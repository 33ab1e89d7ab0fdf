//! What happens when the last handle of an event pool is dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use soiree::EventPool;
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TIME_LIMIT, TestResult, on_one_worker, printed_lines, wait_until};

/// E5
#[test]
fn dropping_the_last_handle_loses_nothing_and_ends_the_threads() -> TestResult {
    let soiree = on_one_worker(100);
    let (sender, ran) = channel();
    let sender = Mutex::new(sender);
    soiree.on("t", move |event| {
        sender
            .lock()
            .unwrap()
            .send(*event.payload_as::<u32>().unwrap())
            .unwrap();
    })?;
    let blocker = Blocker::worker(&soiree);
    for number in 0..50_u32 {
        let _ = soiree.emit("t", number)?;
    }
    let kept = soiree.emit("t", 50_u32)?;
    let weak = soiree.downgrade();
    drop(soiree);
    assert!(weak.upgrade().is_none());
    blocker.release();
    assert_eq!(kept.wait().delivered(), 1);
    let ran: Vec<_> = ran.iter().take(51).collect();
    assert_eq!(ran, (0..=50).collect::<Vec<_>>());
    Ok(())
}

/// E5: the threads of an owned pool end, also those that `min_workers` keeps while they are idle.
#[test]
fn the_threads_end_when_the_last_handle_is_dropped_and_all_jobs_are_done() -> TestResult {
    struct Living(Arc<AtomicU64>);
    impl Drop for Living {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let living = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&living);
    let pool = WorkerPool::builder()
        .min_workers(1)
        .max_workers(1)
        .idle_timeout(TIME_LIMIT * 60)
        .spawn_handler(move |builder, body| {
            count.fetch_add(1, Ordering::SeqCst);
            let guard = Living(Arc::clone(&count));
            let run = move || {
                let _guard = guard;
                body();
            };
            builder.spawn(run).map(drop)
        })
        .build()?;
    let soiree = EventPool::with_pool(pool);
    soiree.emit("t", ())?.wait();
    assert_eq!(living.load(Ordering::SeqCst), 1);
    drop(soiree);
    wait_until("no thread lives", || living.load(Ordering::SeqCst) == 0);
    Ok(())
}

/// E5: a handle to an emission keeps no thread alive.
#[test]
fn a_handle_to_an_emission_keeps_no_pool_alive() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 1)?);
    let watched = Arc::downgrade(&pool);
    let soiree = EventPool::with_pool(pool);
    let emission = soiree.emit("t", ())?;
    emission.wait();
    drop(soiree);
    wait_until("the pool is dropped", || watched.strong_count() == 0);
    assert!(emission.is_finished());
    Ok(())
}

/// E5: a payload handle may outlive the event pool, and keeps no listener.
#[test]
fn a_payload_handle_keeps_no_listener_alive() -> TestResult {
    let soiree = on_one_worker(4);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (keep, captured) = (Arc::clone(&kept), Arc::new(()));
    let watched = Arc::downgrade(&captured);
    soiree.on("t", move |event| {
        let _ = &captured;
        keep.lock().unwrap().push(event.payload());
    })?;
    soiree.emit("t", 7_u8)?.wait();
    drop(soiree);
    wait_until("the listener is dropped", || watched.strong_count() == 0);
    assert_eq!(kept.lock().unwrap()[0].downcast_ref(), Some(&7_u8));
    Ok(())
}

/// E5: listeners that run on other pools, async ones included, and retries are called after the last handle was dropped.
#[test]
fn dropping_the_last_handle_loses_no_listener_on_another_pool() -> TestResult {
    let runtime = crate::async_listener::common::runtime();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 16)?)
        .bulkhead(
            "async",
            soiree_tokio::TaskPool::new(runtime.handle().clone(), 1, 16)?,
        )
        .bulkhead("own", WorkerPool::new(1, 16)?)
        .build()?;
    let (plain, on_own, on_async) = (counter(), counter(), counter());
    let count = Arc::clone(&plain);
    let retry = soiree_core::Retry::fixed(std::time::Duration::from_millis(1), 2);
    soiree.on_with(
        "t",
        soiree_core::ListenerOptions::new().retry(retry),
        move |event| {
            count.fetch_add(1, Ordering::SeqCst);
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        },
    )?;
    let count = Arc::clone(&on_own);
    soiree.on_with(
        "t",
        soiree_core::ListenerOptions::new().pool("own"),
        move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        },
    )?;
    let count = Arc::clone(&on_async);
    soiree.on_async("t", move |_| {
        let count = Arc::clone(&count);
        async move {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })?;
    let blocker = Blocker::worker(&soiree);
    let emissions: Vec<_> = (0..5).map(|_| soiree.emit("t", ()).unwrap()).collect();
    drop(soiree);
    blocker.release();
    for emission in emissions {
        let report = emission.wait();
        assert!(report.is_ok(), "{report:?}");
        assert_eq!((report.delivered(), report.retried()), (3, 1));
    }
    let calls = [&plain, &on_own, &on_async].map(|calls| calls.load(Ordering::SeqCst));
    assert_eq!(calls, [10, 5, 5]);
    Ok(())
}

fn counter() -> Arc<AtomicU64> {
    Arc::default()
}

/// E5: what is left when the last handle is dropped is one line on stderr. What has ended, and what a close has named, is none.
#[test]
fn what_is_left_at_the_last_handle_is_printed_once() {
    let name = "emit::last_handle::what_is_left_at_the_last_handle_is_printed_once";
    let Some(lines) = printed_lines(name, || {
        for left in [1, 3] {
            let soiree = on_one_worker(8);
            let blocker = Blocker::worker(&soiree);
            for _ in 1..left {
                drop(soiree.emit("t", ()).unwrap());
            }
            drop(soiree.clone());
            drop(soiree);
            blocker.release();
        }
        let ended = on_one_worker(8);
        ended.emit("t", ()).unwrap().wait();
        drop(ended);
        let given_up = on_one_worker(8);
        let blocker = Blocker::worker(&given_up);
        given_up.close_with_deadline(Instant::now()).unwrap_err();
        drop(given_up);
        blocker.release();
    }) else {
        return;
    };
    let line = |left: &str, are: &str| {
        format!(
            "soiree: an event pool was dropped before the end of {left}: if the process ends first, {are} lost, unless durable; close it, or \
             use close_on_drop"
        )
    };
    let expected = [
        line("1 accepted emission", "it is"),
        line("3 accepted emissions", "they are"),
    ];
    assert_eq!(lines, expected);
}

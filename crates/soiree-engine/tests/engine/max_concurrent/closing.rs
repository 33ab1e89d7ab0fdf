//! Calls that wait for their turn when their pool or the event pool closes.

use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, NotCalled, Pool};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;

use super::{assert_at_rest, emit, limit, occupy, wait, wait_for_waiting, with_workers};
use crate::support::{Blocker, thread_name, wait_until, worker_pool};

/// W5, E4: a close waits for calls that wait for their turn.
#[test]
fn a_close_waits_for_calls_that_wait() {
    let soiree = with_workers(2);
    let blocker = Blocker::on(&soiree, "a", limit(1));
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", 3);
    wait_for_waiting(&soiree, 3);
    thread::scope(|scope| {
        let close = scope.spawn(|| soiree.close());
        wait_until("the close has begun", || soiree.is_closed());
        for _ in 0..4 {
            blocker.release();
        }
        close.join().unwrap().unwrap();
    });
    assert!(first.is_finished() && waiting.iter().all(|one| one.is_finished()));
    assert!(waiting.iter().all(|one| wait(one).delivered() == 1));
}

/// W5, E4: a close that misses its deadline gives up the calls that wait, and their reports say so. Later ones do not wait.
#[test]
fn a_close_that_misses_its_deadline_gives_up_calls_that_wait() {
    let soiree = with_workers(3);
    let blocker = Blocker::on(&soiree, "a", limit(1));
    let late = Blocker::on(&soiree, "late", ListenerOptions::new());
    let weak = soiree.downgrade();
    soiree
        .on("late", move |_| {
            let soiree = weak.upgrade().unwrap();
            let report = soiree.emit_sync("a", ()).unwrap_or_default();
            assert_eq!(report.delivered(), 0);
        })
        .unwrap();
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", 2);
    wait_for_waiting(&soiree, 2);
    let last = occupy(&soiree, "late", &late);
    let closed = soiree.close_with_deadline(Instant::now());
    let Err(CloseError::DrainTimeout {
        emissions, running, ..
    }) = closed
    else {
        panic!("{closed:?}");
    };
    assert_eq!((emissions, running), (4, 2));
    for emission in &waiting {
        let report = wait(emission);
        assert_eq!((report.delivered(), report.not_called()), (0, 1));
        let error = &report.errors()[0];
        assert_eq!(error.kind(), ListenerErrorKind::Discarded);
        let why = std::error::Error::source(error).unwrap().downcast_ref();
        assert_eq!(why, Some(&NotCalled::GivenUp));
    }
    assert_eq!(soiree.stats().waiting.turn, 0);
    late.release();
    wait(&last);
    blocker.release();
    assert!(wait(&first).is_ok());
    assert_at_rest(&soiree);
}

/// W5, E7: a call whose bulkhead is removed while it waits runs where its topic goes now.
#[test]
fn a_call_outlives_the_bulkhead_that_it_waits_for() {
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 16))
        .bulkhead("mail", worker_pool("mail", 1, 16))
        .route("a", "mail")
        .build()
        .unwrap();
    let (block, blocker) = Blocker::new();
    let (sender, threads) = std::sync::mpsc::channel();
    soiree
        .on_with("a", limit(1), move |_| {
            sender.send(thread_name()).unwrap();
            block();
        })
        .unwrap();
    thread::scope(|scope| {
        scope.spawn(|| soiree.emit_sync("a", ()).unwrap());
        blocker.wait_started();
        let emission = soiree.emit("a", ()).unwrap();
        wait_for_waiting(&soiree, 1);
        soiree.drain_bulkhead("mail").unwrap();
        blocker.release();
        blocker.wait_started();
        blocker.release();
        assert!(wait(&emission).is_ok());
    });
    assert_eq!(threads.iter().nth(1).as_deref(), Some("default-0"));
    soiree.close().unwrap();
}

/// W5, E6: when a pool stops, all calls that wait for their turn and then for it end with a report, however many there are.
#[test]
fn a_stopped_pool_ends_a_queue_of_any_length() {
    const CALLS: usize = 20_000;
    let pool = std::sync::Arc::new(WorkerPool::new(2, 2 * CALLS).unwrap());
    let soiree = EventPool::builder()
        .pool(std::sync::Arc::clone(&pool))
        .waiting_capacity(CALLS)
        .build()
        .unwrap();
    let blocker = Blocker::on(&soiree, "a", limit(1));
    let first = occupy(&soiree, "a", &blocker);
    let waiting = emit(&soiree, "a", CALLS);
    wait_for_waiting(&soiree, CALLS);
    pool.stop();
    blocker.release();
    assert!(wait(&first).is_ok());
    for emission in &waiting {
        let report = wait(emission);
        assert_eq!((report.delivered(), report.not_called()), (0, 1));
        assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Rejected);
    }
    assert_at_rest(&soiree);
    soiree.close().unwrap();
}

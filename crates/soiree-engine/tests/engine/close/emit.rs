//! E4, for emissions on a pool.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use soiree::{EventPool, TopicError};
use soiree_core::{Job, ListenerOptions, Pool, SubscribeError};
use soiree_engine::{CloseError, EmitError};
use soiree_pool::WorkerPool;

use crate::support::{Blocker, TIME_LIMIT, TestResult, on_one_worker, wait_until, worker_pool};

/// E4
#[test]
fn close_handles_every_accepted_event_and_rejects_every_other_while_8_threads_emit() -> TestResult {
    for _ in 0..20 {
        let soiree = EventPool::with_pool(WorkerPool::new(2, 4)?);
        let handled = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&handled);
        soiree.on("**", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })?;
        let (accepted, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
        let starting = Barrier::new(9);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    starting.wait();
                    for _ in 0..200 {
                        match soiree.emit("t", ()) {
                            Ok(_) => accepted.fetch_add(1, Ordering::SeqCst),
                            Err(EmitError::Closed { .. }) => {
                                rejected.fetch_add(1, Ordering::SeqCst)
                            }
                            Err(other) => panic!("{other}"),
                        };
                    }
                });
            }
            starting.wait();
            wait_until("some are accepted", || accepted.load(Ordering::SeqCst) > 50);
            soiree.close().unwrap();
            // Once close has returned, no job is running.
            assert_eq!(soiree.pool_stats().running, 0);
        });
        let (accepted, rejected) = (accepted.into_inner(), rejected.into_inner());
        assert_eq!(accepted + rejected, 1_600);
        assert_eq!(handled.load(Ordering::SeqCst), accepted);
    }
    Ok(())
}

/// E4
#[test]
fn of_many_closes_one_wins_and_a_closed_event_pool_has_no_topics() -> TestResult {
    let soiree = EventPool::new();
    soiree.on("t", |_| {})?;
    let wins: usize = thread::scope(|scope| {
        let closes: Vec<_> = (0..4).map(|_| scope.spawn(|| soiree.close())).collect();
        closes
            .into_iter()
            .map(|close| usize::from(close.join().unwrap().is_ok()))
            .sum()
    });
    assert_eq!(wins, 1);
    assert_eq!(soiree.close(), Err(CloseError::AlreadyClosed));
    assert!(soiree.is_empty() && soiree.is_closed());
    assert!(matches!(
        soiree.topic("t"),
        Err(TopicError::NotFound { .. })
    ));
    assert_eq!(soiree.on("t", |_| {}), Err(SubscribeError::Closed));
    Ok(())
}

/// E4
#[test]
fn close_releases_an_owned_pool_and_leaves_a_shared_one_running() -> TestResult {
    let shared = Arc::new(WorkerPool::new(1, 1)?);
    let soiree = EventPool::with_pool(Arc::clone(&shared));
    soiree.close()?;
    shared.submit_and_wait(|| {})?;
    let soiree = on_one_worker(1);
    soiree.emit("t", ())?.wait();
    assert_eq!(soiree.pool_stats().running, 1);
    soiree.close()?;
    assert_eq!(soiree.pool_stats().running, 0);
    Ok(())
}

/// E4
#[test]
fn listeners_stay_subscribed_until_the_last_emission_has_ended() -> TestResult {
    let soiree = on_one_worker(100);
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    let blocker = Blocker::worker(&soiree);
    soiree.on("t", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    })?;
    for _ in 0..100 {
        let _ = soiree.emit("t", ())?;
    }
    thread::scope(|scope| {
        let close = scope.spawn(|| soiree.close());
        wait_until("it closes", || soiree.is_closed());
        blocker.release();
        close.join().unwrap()
    })?;
    assert_eq!(handled.load(Ordering::SeqCst), 100);
    Ok(())
}

/// E4, E6
#[test]
fn close_with_deadline_reports_what_it_left() -> TestResult {
    let soiree = on_one_worker(100);
    let blocker = Blocker::worker(&soiree);
    let waiting: Vec<_> = (0..3).map(|_| soiree.emit("t", ()).unwrap()).collect();
    let Err(CloseError::DrainTimeout {
        emissions, pool, ..
    }) = soiree.close_with_deadline(Instant::now())
    else {
        panic!("a worker is blocked")
    };
    assert_eq!(emissions, 4);
    let pool = pool.unwrap();
    assert_eq!((pool.active, pool.discarded), (1, 3));
    assert!(
        waiting
            .iter()
            .all(|emission| emission.wait().is_discarded())
    );
    blocker.release();
    wait_until("the last emission has removed the listeners", || {
        soiree.is_empty()
    });
    Ok(())
}

/// E4: a shared pool runs the jobs that it has accepted, and the listeners stay until then.
#[test]
fn after_a_missed_deadline_a_shared_pool_still_delivers() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    soiree.on("t", |_| {})?;
    let blocker = Blocker::worker(&soiree);
    let late = soiree.emit("t", ())?;
    assert!(soiree.close_with_deadline(Instant::now()).is_err());
    blocker.release();
    assert_eq!(late.wait().delivered(), 1);
    wait_until("the listeners are removed", || soiree.is_empty());
    pool.release();
    Ok(())
}

/// E4: a close inside a job of the pool would wait for that job.
#[test]
fn close_from_a_job_of_the_pool_is_an_error() -> TestResult {
    let pool = Arc::new(WorkerPool::new(1, 8)?);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    let inner = soiree.clone();
    pool.submit_and_wait(move || {
        assert_eq!(inner.close(), Err(CloseError::InsideListener));
    })?;
    soiree.close()?;
    Ok(())
}

/// E4: the same on a pool that was the default before.
#[test]
fn close_from_a_job_of_a_former_pool_is_an_error() -> TestResult {
    let former = Arc::new(WorkerPool::new(1, 4)?);
    let soiree = EventPool::with_pool(Arc::clone(&former));
    let inner = soiree.clone();
    let (sender, closed) = channel();
    former.submit(Job::new(move || {
        let _ = inner.emit("t", ()).unwrap();
        inner.set_pool(WorkerPool::new(1, 4).unwrap()).unwrap();
        sender.send(inner.close()).unwrap();
    }))?;
    assert_eq!(
        closed.recv_timeout(TIME_LIMIT),
        Ok(Err(CloseError::InsideListener))
    );
    soiree.close()?;
    Ok(())
}

/// E4: a close does not wait for an emission that the caller has waited for.
#[test]
fn a_close_right_after_the_last_wait_leaves_nothing_unfinished() -> TestResult {
    for _ in 0..500 {
        let pool = Arc::new(WorkerPool::new(1, 4)?);
        let soiree = EventPool::with_pool(pool);
        soiree.emit("t", ())?.wait();
        soiree.close_with_deadline(std::time::Instant::now())?;
    }
    Ok(())
}

/// E4: close runs what every bulkhead has accepted, releases owned pools, and leaves shared ones running.
#[test]
fn close_drains_all_bulkheads_and_leaves_shared_ones_running() {
    let shared = Arc::new(worker_pool("shared", 1, 100));
    let soiree = EventPool::builder()
        .bulkhead("own", worker_pool("own", 1, 100))
        .bulkhead("shared", Arc::clone(&shared))
        .route("own.*", "own")
        .route("shared.*", "shared")
        .build()
        .unwrap();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    soiree
        .on("**", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    for _ in 0..100 {
        soiree.emit("own.a", ()).unwrap();
        soiree.emit("shared.a", ()).unwrap();
        soiree.emit("other", ()).unwrap();
    }
    soiree.close().unwrap();
    assert_eq!(handled.load(Ordering::SeqCst), 300);
    assert_eq!(soiree.stats().get("own").unwrap().running, 0);
    shared.submit_and_wait(|| {}).unwrap();
}

/// E4: close waits for listeners on other pools, and is an error inside one of them.
#[test]
fn close_waits_for_listeners_on_other_pools() {
    let soiree = EventPool::builder()
        .bulkhead("http", worker_pool("http", 1, 16))
        .build()
        .unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let (count, weak) = (Arc::clone(&ran), soiree.downgrade());
    soiree
        .on_with("a.b", ListenerOptions::new().pool("http"), move |_| {
            assert!(weak.upgrade().unwrap().close().is_err());
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    for _ in 0..5 {
        soiree.emit("a.b", ()).unwrap();
    }
    soiree.close().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 5);
}

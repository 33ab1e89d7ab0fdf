//! How async listeners end, and what waits for their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use soiree_core::{Event, ListenerErrorKind, ListenerOptions, Retry};
use soiree_engine::CloseError;
use tokio::sync::Semaphore;

use super::common::{HeldListeners, async_stats, runtime, wait_idle, with_async};
use crate::support::{CallLog, TIME_LIMIT, emit_both_ways, wait_until};

/// L6: the emission and `emit_sync` wait for the end of a future, however often it yields.
#[test]
fn an_emission_waits_for_its_async_listeners() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    soiree
        .on_async("a", move |_| {
            let count = Arc::clone(&count);
            async move {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                count.fetch_add(1, Ordering::SeqCst);
            }
        })
        .unwrap();
    let mut expected = 0;
    emit_both_ways(&soiree, "a", |report| {
        expected += 1;
        assert_eq!((report.delivered(), report.is_ok()), (1, true));
        assert_eq!(ended.load(Ordering::SeqCst), expected);
    });
    let held = HeldListeners::on(&soiree, "held");
    let emission = soiree.emit("held", ()).unwrap();
    held.wait_started();
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    assert!(!emission.is_finished());
    held.finish(1);
    assert!(emission.wait().is_ok());

    let has_returned = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            soiree.emit_sync("held", ()).unwrap();
            has_returned.store(true, Ordering::SeqCst);
        });
        held.wait_started();
        assert!(!has_returned.load(Ordering::SeqCst));
        held.finish(1);
    });
    soiree.close().unwrap();
}

/// L4: a panic in the closure or in any poll of its future is an error of that listener only. The other listeners and the runtime
/// go on.
#[test]
fn a_panicking_future_does_not_stop_the_others() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 10);
    let panics = CallLog::default();
    let notes = panics.clone();
    soiree.set_panic_handler(move |panic| {
        let name = panic.name.unwrap_or_default();
        notes.record(format!("{name} on {}: {}", panic.topic, panic.message));
    });
    let named = |name: &'static str| ListenerOptions::new().name(name);
    let at_once = |_| -> std::future::Ready<()> { panic!("at once") };
    soiree
        .on_async_with("a", named("closure"), at_once)
        .unwrap();
    soiree
        .on_async_with("a", named("first"), |_| async { panic!("in a poll") })
        .unwrap();
    soiree
        .on_async_with("a", named("later"), |_| async {
            tokio::task::yield_now().await;
            panic!("in a later poll")
        })
        .unwrap();
    soiree.on_async("a", |_| async {}).unwrap();
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.failed()), (4, 3));
        assert!(report.errors().iter().all(|error| error.is_panic()));
        let mut panics = panics.take();
        panics.sort();
        let expected = [
            "closure on a: at once",
            "first on a: in a poll",
            "later on a: in a later poll",
        ];
        assert_eq!(panics, expected);
    });
    assert_eq!(wait_idle(&soiree).active, 0);
    soiree.close().unwrap();
}

/// L4: a future that panics when it is dropped counts as cancelled, and nothing else fails.
#[test]
fn a_value_in_a_future_may_panic_when_it_is_dropped() {
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let (started, has_started) = channel();
    soiree
        .on_async("a", move |_| {
            let (value, started) = (PanicsOnDrop, started.clone());
            async move {
                started.send(()).unwrap();
                std::future::pending::<()>().await;
                drop(value);
            }
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    has_started.recv_timeout(TIME_LIMIT).unwrap();
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert_eq!(
        emission.wait().errors()[0].kind(),
        ListenerErrorKind::Cancelled
    );
    assert_eq!(wait_idle(&soiree).discarded, 1);
}

/// E1: errors go to the error handler, which may swallow them, and into the report.
#[test]
fn errors_reach_the_handler_and_the_report() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 4);
    soiree.set_error_handler(|_, error| (error.name() != Some("quiet")).then_some(error));
    soiree
        .on_async_with("a", ListenerOptions::new().name("quiet"), |_| async {
            Err::<(), _>("swallowed")
        })
        .unwrap();
    soiree
        .on_async("a", |event| async move {
            tokio::task::yield_now().await;
            Err::<(), _>(format!("no {}", event.topic()))
        })
        .unwrap();
    emit_both_ways(&soiree, "a", |report| {
        assert_eq!((report.delivered(), report.failed()), (2, 2));
        let errors: Vec<_> = report.errors().iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].ends_with("failed for a: no a"), "{errors:?}");
        let registered_at = report.errors()[0].registered_at().unwrap();
        assert!(
            registered_at.file().ends_with("ending.rs"),
            "{registered_at}"
        );
    });
    soiree.close().unwrap();
}

/// L7: only the failed listener is retried, and it sees the number of the attempt. After the last attempt the event is a dead
/// letter.
#[test]
fn a_failed_future_is_retried() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 4);
    let log = CallLog::default();
    let letters = log.clone();
    soiree.set_dead_letter_handler(move |letter| {
        letters.record(format!("{} after {}", letter.topic, letter.attempts));
    });
    let retry = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 3));
    for (topic, succeeds_at) in [("succeeds", 3), ("fails", 4)] {
        let log = log.clone();
        soiree
            .on_async_with(topic, retry.clone().once(), move |event| {
                // On the `Arc` itself, as it is with the trait in scope.
                log.record(Event::attempt(&event).to_string());
                async move {
                    tokio::task::yield_now().await;
                    match event.attempt() {
                        attempt if attempt == succeeds_at => Ok(()),
                        attempt if attempt % 2 == 0 => panic!("as well as an error"),
                        _ => Err("not yet"),
                    }
                }
            })
            .unwrap();
    }
    let report = soiree.emit("succeeds", ()).unwrap().wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (1, 0, 2)
    );
    assert_eq!(log.take(), ["1", "2", "3"]);
    let report = soiree.emit_sync("fails", ()).unwrap();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (1, 1, 2)
    );
    assert_eq!(log.take(), ["1", "2", "3", "fails after 3"]);
    assert!(soiree.is_empty());
    assert_eq!(wait_idle(&soiree).submitted, 6);
    soiree.close().unwrap();
}

/// L7: between two attempts a listener is not in flight.
#[test]
fn a_future_that_waits_for_its_next_attempt_is_not_in_flight() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 1, 0);
    let hour = Retry::fixed(Duration::from_secs(3600), 2);
    soiree
        .on_async_with("fails", ListenerOptions::new().retry(hour), |_| async {
            Err::<(), _>("no")
        })
        .unwrap();
    soiree.on_async("works", |_| async {}).unwrap();
    let failing = soiree.emit("fails", ()).unwrap();
    wait_until("the first attempt has failed", || {
        async_stats(&soiree).successful == 1
    });
    assert!(soiree.emit("works", ()).unwrap().wait().is_ok());
    assert!(!failing.is_finished());
    let closed = soiree.close_with_deadline(Instant::now());
    assert!(matches!(
        closed,
        Err(CloseError::DrainTimeout { emissions: 1, .. })
    ));
}

/// L7, E7: an attempt that finds the bulkhead full when it is due waits for room, and is not rejected.
#[test]
fn an_attempt_that_finds_no_room_comes_later() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 0);
    let held = HeldListeners::on(&soiree, "held");
    soiree.emit("held", ()).unwrap();
    held.wait_started();
    let may_fail = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&may_fail);
    let (started, has_started) = channel();
    let retry = ListenerOptions::new().retry(Retry::fixed(Duration::ZERO, 2));
    soiree
        .on_async_with("fails", retry, move |event| {
            let (permits, started) = (Arc::clone(&permits), started.clone());
            async move {
                started.send(()).unwrap();
                if event.attempt() > 1 {
                    return Ok(());
                }
                permits.acquire().await.unwrap().forget();
                Err("not yet")
            }
        })
        .unwrap();
    let emission = soiree.emit("fails", ()).unwrap();
    has_started.recv_timeout(TIME_LIMIT).unwrap();
    soiree.resize_bulkhead("async", 1).unwrap();
    may_fail.add_permits(1);
    wait_until("the second attempt waits", || {
        async_stats(&soiree).requeued == 1
    });
    assert!(!emission.is_finished());
    held.finish(1);
    let report = emission.wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (1, 0, 1)
    );
    assert_eq!(async_stats(&soiree).rejected, 0);
    soiree.close().unwrap();
}

/// T3, E6: when an emission has ended, nothing keeps its payload, not even the future of a listener.
#[test]
fn nothing_is_left_of_an_emission_that_has_ended() {
    let runtime = runtime();
    let soiree = with_async(&runtime, 2, 10);
    let payload = Arc::new(());
    soiree
        .on_async("**", |event| async move {
            tokio::task::yield_now().await;
            match event.topic() {
                "fails" => Err("no"),
                "panics" => panic!("no"),
                _ => Ok(()),
            }
        })
        .unwrap();
    for topic in ["works", "fails", "panics"] {
        soiree.emit(topic, Arc::clone(&payload)).unwrap().wait();
        soiree.emit_sync(topic, Arc::clone(&payload)).unwrap();
        soiree.emit(topic, Arc::clone(&payload)).unwrap();
    }
    wait_until("all payloads are dropped", || {
        Arc::strong_count(&payload) == 1
    });
    soiree.close().unwrap();
}

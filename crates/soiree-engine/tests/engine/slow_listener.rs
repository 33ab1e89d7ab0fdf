//! Listeners that run longer than their limit, and the notifications of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::Builder;
use soiree_core::{ListenerOptions, SlowListener};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;
use soiree_testkit::{Journal, ManualTimer, Recorder};

use crate::support::{Blocker, TIME_LIMIT, named, on_one_worker};

const SECOND: Duration = Duration::from_secs(1);

/// An event pool with three workers, a limit of ten seconds, and a timer that the test advances.
fn watched(journal: &Journal) -> (Builder, ManualTimer) {
    let timer = ManualTimer::new();
    let builder = Builder::with_pool(WorkerPool::new(3, 8).unwrap())
        .slow_listener_timer(timer.clone())
        .slow_listeners(10 * SECOND)
        .observer(journal.clone());
    (builder, timer)
}

/// L4: once while it runs, with the listener and the time it has run, and once more when it ends.
#[test]
fn a_slow_listener_is_notified_while_it_runs() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let slow = Arc::clone(&seen);
    let handler = move |notified: &SlowListener<'_>| {
        assert_eq!((notified.topic, notified.listener.pattern), ("a.b", "a.*"));
        assert_eq!(
            (notified.listener.name, notified.attempt),
            (Some("held"), 1)
        );
        let place = notified.listener.registered_at.unwrap();
        assert_eq!(place.file(), file!());
        assert_eq!(notified.threshold, 10 * SECOND);
        slow.lock()
            .unwrap()
            .push((notified.running_for, notified.ended));
    };
    let soiree = builder.slow_listener_handler(handler).build().unwrap();
    let blocker = Blocker::on(&soiree, "a.*", named("held"));
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    timer.advance(9 * SECOND);
    assert_eq!(journal.count("listener slow"), 0);
    timer.advance(SECOND);
    assert_eq!(
        journal.lines_starting_with("listener slow"),
        ["listener slow: held for a.b still runs"]
    );
    assert_eq!(journal.count("listener ended"), 0);
    timer.advance(100 * SECOND);
    assert_eq!(journal.count("listener slow"), 1);
    blocker.release();
    assert!(emission.wait().is_ok(), "slow is no failure");
    assert_eq!(
        journal.lines_starting_with("listener slow"),
        [
            "listener slow: held for a.b still runs",
            "listener slow: held for a.b has ended",
        ]
    );
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen, [(10 * SECOND, false), (110 * SECOND, true)]);
    assert_eq!(timer.pending(), 0, "no listener runs");
}

/// L4: a listener's own limit replaces the general one.
#[test]
fn a_listener_may_have_its_own_limit() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.build().unwrap();
    let own = Blocker::on(&soiree, "own", named("own").slow_after(SECOND));
    let patient = Blocker::on(
        &soiree,
        "patient",
        named("patient").slow_after(Duration::MAX),
    );
    let other = Blocker::on(&soiree, "other", named("other"));
    let all = [("patient", &patient), ("other", &other), ("own", &own)];
    let emissions: Vec<_> = all
        .iter()
        .map(|(topic, blocker)| {
            let emission = soiree.emit(topic, ()).unwrap();
            blocker.wait_started();
            emission
        })
        .collect();
    let still = |names: &[&str]| {
        let lines = journal.lines_starting_with("listener slow");
        let expected = names
            .iter()
            .map(|name| format!("listener slow: {name} for {name} still runs"));
        assert_eq!(lines, expected.collect::<Vec<_>>());
    };
    timer.advance(SECOND);
    still(&["own"]);
    timer.advance(9 * SECOND);
    still(&["own", "other"]);
    timer.advance(1_000_000 * SECOND);
    still(&["own", "other"]);
    all.iter().for_each(|(_, blocker)| blocker.release());
    for emission in emissions {
        assert!(emission.wait().is_ok());
    }
    assert_eq!(journal.count("listener slow"), 4);
}

/// L4: a timeout is notified once, as the outcome of the call. The monitor goes on until the listener returns.
#[test]
fn a_timeout_is_notified_once_and_the_listener_is_monitored_until_it_returns() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = named("held").slow_after(5 * SECOND).timeout(10 * SECOND);
    let blocker = Blocker::on(&soiree, "a.b", options);
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    timer.advance(10 * SECOND);
    assert_eq!(emission.wait().failed(), 1);
    let lines = [
        "listener started: held for a.b, attempt 1",
        "listener slow: held for a.b still runs",
        "listener ended: held for a.b, attempt 1 timed out",
    ];
    assert_eq!(journal.lines_starting_with("listener"), lines);
    assert_eq!(
        journal.count("emission ended: a.b on default, 1 called, 1 failed"),
        1
    );
    blocker.release();
    soiree.close().unwrap();
    let late = ["listener slow: held for a.b has ended"];
    assert_eq!(
        journal.lines_starting_with("listener"),
        [&lines[..], &late].concat()
    );
}

/// L4: each call has its own limit, counted from its own start.
#[test]
fn each_slow_call_is_notified_when_its_own_limit_has_passed() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.build().unwrap();
    let (one, two) = (
        Blocker::on(&soiree, "one", named("one")),
        Blocker::on(&soiree, "two", named("two")),
    );
    let first = soiree.emit("one", ()).unwrap();
    one.wait_started();
    timer.advance(5 * SECOND);
    let second = soiree.emit("two", ()).unwrap();
    two.wait_started();
    assert_eq!(timer.pending(), 1, "one task for both");
    timer.advance(5 * SECOND);
    assert_eq!(journal.count("listener slow: one"), 1);
    one.release();
    assert!(first.wait().is_ok());
    timer.advance(4 * SECOND);
    assert_eq!(journal.count("listener slow: two"), 0);
    timer.advance(SECOND);
    assert_eq!(journal.count("listener slow: two"), 1);
    two.release();
    assert!(second.wait().is_ok());
}

/// L4: the timer has one task for each limit, however many calls there are, and none once all have ended.
#[test]
fn calls_that_end_in_time_leave_nothing_behind() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.build().unwrap();
    let hasty = ListenerOptions::new().slow_after(SECOND);
    soiree.listen_with("a.b", hasty, Recorder::new()).unwrap();
    soiree
        .listen_with("a.b", named("other"), Recorder::failing("no"))
        .unwrap();
    soiree
        .listen_with("a.b", named("panics"), Recorder::panicking("oh"))
        .unwrap();
    for _ in 0..100 {
        soiree.emit_sync("a.b", ()).unwrap();
        timer.advance(Duration::from_millis(100));
        assert!(timer.pending() <= 2, "two different limits");
    }
    timer.advance(20 * SECOND);
    assert_eq!(timer.pending(), 0);
    assert_eq!(journal.count("listener slow"), 0);
    soiree.set_slow_listeners(Duration::MAX);
    soiree.emit_sync("c.d", ()).unwrap();
    assert_eq!(timer.pending(), 0);
}

/// L4: without an observer or a handler, no task is in the timer.
#[test]
fn no_call_is_monitored_without_an_observer_or_handler() {
    let (builder, timer) = watched(&Journal::new());
    let soiree = builder.build().unwrap();
    soiree.remove_observers();
    soiree.on("a.b", |_| ()).unwrap();
    soiree.emit_sync("a.b", ()).unwrap();
    assert_eq!(timer.pending(), 0);
    soiree.set_slow_listener_handler(|_| ());
    soiree.emit_sync("a.b", ()).unwrap();
    assert_eq!(timer.pending(), 1);
}

/// E4, E5: the timer's thread does not wait for calls that have ended when the event pool is closed or gone.
#[test]
fn a_closed_or_dropped_event_pool_leaves_no_task_to_the_timer() {
    for closes in [false, true] {
        let (builder, timer) = watched(&Journal::new());
        let soiree = builder.build().unwrap();
        soiree.on("a.b", |_| ()).unwrap();
        soiree.emit_sync("a.b", ()).unwrap();
        assert_eq!(timer.pending(), 1);
        if closes {
            soiree.close().unwrap();
        } else {
            drop(soiree);
        }
        assert_eq!(timer.pending(), 0);
    }
}

/// E4, L4: a listener that runs on after the close is still reported.
#[test]
fn a_slow_listener_is_notified_after_the_close() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.build().unwrap();
    let blocker = Blocker::on(&soiree, "a.b", named("held"));
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    assert!(soiree.close_with_deadline(Instant::now()).is_err());
    timer.advance(10 * SECOND);
    assert_eq!(journal.count("listener slow"), 1);
    blocker.release();
    assert!(emission.wait().is_ok());
    assert_eq!(journal.count("listener slow"), 2);
}

/// L3, L4: a handler may call its own `EventPool`, close it with a deadline, and panic.
#[test]
fn a_handler_of_slow_listeners_may_close_and_panic() {
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.build().unwrap();
    let handle = soiree.downgrade();
    let closed = Arc::new(Mutex::new(Vec::new()));
    let results = Arc::clone(&closed);
    soiree.set_slow_listener_handler(move |_| {
        let soiree = handle.upgrade().unwrap();
        let _ = soiree.on("c.d", |_| ());
        let _ = soiree.emit_sync("c.d", ());
        let result = soiree.close_with_deadline(Instant::now());
        results.lock().unwrap().push(result);
        panic!("oh");
    });
    let blocker = Blocker::on(&soiree, "a.b", named("held"));
    let emission = soiree.emit("a.b", ()).unwrap();
    blocker.wait_started();
    timer.advance(10 * SECOND);
    blocker.release();
    assert!(emission.wait().is_ok());
    let closed = std::mem::take(&mut *closed.lock().unwrap());
    let [first, second] = &closed[..] else {
        panic!("{closed:?}");
    };
    assert!(matches!(
        first,
        Err(CloseError::DrainTimeout { emissions: 1, .. })
    ));
    // This call is from the thread that ran the listener.
    assert!(second.is_err());
}

/// L4: also if calls end while they are notified as slow.
#[test]
fn every_call_notified_as_slow_is_notified_as_ended() {
    const THREADS: usize = 4;
    const CALLS: usize = 500;
    let journal = Journal::new();
    let (builder, timer) = watched(&journal);
    let soiree = builder.slow_listeners(Duration::ZERO).build().unwrap();
    soiree.on("*.*", |_| thread::yield_now()).unwrap();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (soiree, done) = (&soiree, &done);
            scope.spawn(move || {
                for _ in 0..CALLS {
                    soiree.emit_sync(&format!("t.{number}"), ()).unwrap();
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        while done.load(Ordering::SeqCst) < THREADS {
            timer.advance(Duration::from_nanos(1));
        }
    });
    timer.advance(SECOND);
    assert_eq!(timer.pending(), 0);
    for number in 0..THREADS {
        let lines = journal.lines_starting_with(&format!("listener slow: *.* for t.{number} "));
        assert_eq!(lines.len() % 2, 0);
        for (at, line) in lines.iter().enumerate() {
            let expected = ["still runs", "has ended"][at % 2];
            assert!(line.ends_with(expected), "{lines:#?}");
        }
    }
}

/// L4: by a thread, if the test sets no timer.
#[test]
fn a_slow_listener_is_notified_in_time() {
    let soiree = on_one_worker(8);
    let (sender, receiver) = channel();
    let (sender, receiver) = (Mutex::new(sender), Mutex::new(receiver));
    soiree.set_slow_listener_handler(move |slow| {
        if !slow.ended {
            sender.lock().unwrap().send(slow.running_for).unwrap();
        }
    });
    let limit = Duration::from_millis(1);
    let options = ListenerOptions::new().slow_after(limit);
    soiree
        .on_with("a.b", options, move |_| {
            let running_for = receiver.lock().unwrap().recv_timeout(TIME_LIMIT);
            assert!(running_for.is_ok_and(|time| time >= limit));
        })
        .unwrap();
    assert!(soiree.emit("a.b", ()).unwrap().wait().is_ok());
    soiree.close().unwrap();
}

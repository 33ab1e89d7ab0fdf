//! Listeners that are waited for no longer than they may take.

mod listener_pool;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{ListenerErrorKind, ListenerOptions, Pool, Priority};
use soiree_engine::{CloseError, Emission, Report};
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, ManualTimer};

use crate::listener_pool::held;
use crate::support::{Diary, PATIENCE, on_one_worker, until};

pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// On a pool of so many workers, with a time that passes when it is told to.
pub(crate) fn on(workers: usize) -> (EventPool, ManualTimer) {
    let timer = ManualTimer::new();
    let pool = WorkerPool::new(workers, 16).unwrap();
    let builder = EventPool::builder().pool(pool).timer(timer.clone());
    (builder.build().unwrap(), timer)
}

pub(crate) fn limited() -> ListenerOptions {
    ListenerOptions::new().timeout(LIMIT).name("slow")
}

/// Emits, waits until the listener runs, and lets its time run out.
pub(crate) fn run_out(soiree: &EventPool, timer: &ManualTimer, running: &Receiver<()>) -> Emission {
    let emission = soiree.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    assert_eq!(timer.advance(LIMIT - Duration::from_nanos(1)), 0);
    assert!(!emission.is_finished());
    assert!(timer.advance(Duration::from_nanos(1)) >= 1);
    emission
}

fn note_on(soiree: &EventPool, diary: &Diary, what: &'static str, priority: Priority) {
    let diary = diary.clone();
    let note = move |_: &dyn soiree_core::Event| diary.note(what);
    soiree.on_with("a.*", priority, note).unwrap();
}

/// One listener that does not return until it is told to, between others.
pub(crate) fn in_between(soiree: &EventPool, diary: &Diary) -> (Receiver<()>, Sender<()>) {
    note_on(soiree, diary, "third", Priority::Low);
    note_on(soiree, diary, "first", Priority::High);
    let (running, go) = held(soiree, "a.b", limited());
    note_on(soiree, diary, "second", Priority::Normal);
    (running, go)
}

pub(crate) fn check_timed_out(report: &Report) {
    assert_eq!((report.failed, report.timed_out), (1, 1), "{report:?}");
    let error = &report.errors[0];
    assert_eq!(error.kind(), ListenerErrorKind::TimedOut);
    assert_eq!((error.name(), error.pattern()), (Some("slow"), "a.b"));
    let text = error.to_string();
    let said = text.starts_with("listener slow on a.b ")
        && text.ends_with("had not returned after 30s for a.b");
    assert!(said, "{text}");
}

/// L9, L1: when its time has run out, those after it are called in order by another worker, and the report says who it was.
#[test]
fn listeners_after_one_that_times_out_are_called_in_order_elsewhere() {
    let (soiree, timer) = on(2);
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    let report = run_out(&soiree, &timer, &running).wait();
    check_timed_out(&report);
    assert_eq!((report.delivered, report.errors.len()), (4, 1));
    assert_eq!(diary.take(), ["first", "second", "third"]);
    until("only its worker is held", || {
        soiree.pool_stats().active == 1
    });
    go.send(()).unwrap();
    soiree.close().unwrap();
    assert!(diary.take().is_empty(), "nobody is called twice");
    assert_eq!(timer.pending(), 0);
}

/// L9: one that returns in time is like any other, and leaves nothing in the timer.
#[test]
fn a_listener_that_returns_in_time_leaves_nothing_behind() {
    let (soiree, timer) = on(1);
    soiree.on_with("a.b", limited(), |_| {}).unwrap();
    soiree
        .on_with("a.b", limited(), |_| -> () { panic!("oops") })
        .unwrap();
    crate::support::both_ways(&soiree, "a.b", |report| {
        assert_eq!((report.delivered, report.failed), (2, 1));
        assert_eq!(report.timed_out, 0);
        assert_eq!(report.errors[0].kind(), ListenerErrorKind::Panicked);
        assert_eq!(timer.pending(), 0);
    });
    assert_eq!(timer.advance(2 * LIMIT), 0);
    soiree.close().unwrap();
}

/// L9: that needs no worker if nobody comes after it.
#[test]
fn an_emission_ends_in_time_though_the_only_worker_is_held() {
    let (soiree, timer) = on(1);
    let (running, go) = held(&soiree, "a.b", limited());
    let report = run_out(&soiree, &timer, &running).wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 1);
    go.send(()).unwrap();
    soiree.close().unwrap();
}

/// L9, P2: with no other worker, those after it wait for this one.
#[test]
fn listeners_after_one_that_times_out_wait_for_a_worker() {
    let (soiree, timer) = on(1);
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    let emission = run_out(&soiree, &timer, &running);
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    assert_eq!(diary.take(), ["first"]);
    go.send(()).unwrap();
    let report = emission.wait();
    check_timed_out(&report);
    assert_eq!(report.delivered, 4);
    assert_eq!(diary.take(), ["second", "third"]);
    soiree.close().unwrap();
    assert!(diary.take().is_empty(), "nobody is called twice");
}

/// L9, P2: a queue that is full is tried again.
#[test]
fn listeners_after_one_that_times_out_wait_for_a_place_in_the_queue() {
    let (timer, pool) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let builder = EventPool::builder().pool(pool.clone()).timer(timer.clone());
    let soiree = builder.build().unwrap();
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    thread::scope(|scope| {
        let emission = soiree.emit("a.b", ()).unwrap();
        scope.spawn(|| assert!(pool.run_next()));
        running.recv_timeout(PATIENCE).unwrap();
        let other = soiree.emit("other", ()).unwrap();
        timer.advance(LIMIT);
        assert_eq!((pool.pending(), timer.pending()), (1, 1));
        assert_eq!(pool.run_all(), 1);
        assert!(other.is_finished() && !emission.is_finished());
        assert!(timer.advance_to_next());
        assert_eq!((pool.run_all(), timer.pending()), (1, 0));
        check_timed_out(&emission.wait());
        assert_eq!(diary.take(), ["first", "second", "third"]);
        go.send(()).unwrap();
    });
    assert_eq!(pool.run_all(), 0);
    soiree.close().unwrap();
}

/// L9, L3: the listeners after it are those of the moment when the emission began.
#[test]
fn listeners_that_come_while_one_times_out_are_not_called() {
    let (soiree, timer) = on(2);
    let diary = Diary::default();
    let (running, go) = in_between(&soiree, &diary);
    let emission = soiree.emit("a.b", ()).unwrap();
    running.recv_timeout(PATIENCE).unwrap();
    note_on(&soiree, &diary, "late", Priority::Lowest);
    timer.advance(LIMIT);
    assert_eq!(emission.wait().delivered, 4);
    assert_eq!(diary.take(), ["first", "second", "third"]);
    go.send(()).unwrap();
    soiree.close().unwrap();
}

/// L9, L1: several may time out one after another.
#[test]
fn each_listener_has_its_own_time() {
    let (soiree, timer) = on(3);
    let (first, go_first) = held(&soiree, "a.b", limited());
    let (second, go_second) = held(&soiree, "a.b", limited().timeout(2 * LIMIT));
    let diary = Diary::default();
    note_on(&soiree, &diary, "last", Priority::Low);
    let emission = run_out(&soiree, &timer, &first);
    second.recv_timeout(PATIENCE).unwrap();
    assert_eq!(timer.advance(2 * LIMIT - Duration::from_nanos(1)), 0);
    assert_eq!(timer.advance(Duration::from_nanos(1)), 1);
    let report = emission.wait();
    assert_eq!((report.delivered, report.timed_out), (3, 2));
    assert_eq!(diary.take(), ["last"]);
    go_first.send(()).unwrap();
    go_second.send(()).unwrap();
    soiree.close().unwrap();
}

/// L9: on the thread that emits nobody else can go on; it is said all the same, and those after it are called.
#[test]
fn a_synchronous_emission_says_who_took_too_long() {
    let (soiree, timer) = on(1);
    let diary = Diary::default();
    note_on(&soiree, &diary, "after", Priority::Low);
    let time = timer.clone();
    soiree
        .on_with("a.b", limited(), move |_| {
            time.advance(LIMIT);
        })
        .unwrap();
    let report = soiree.emit_sync("a.b", ()).unwrap();
    check_timed_out(&report);
    assert_eq!((report.delivered, diary.take().len()), (2, 1));
    soiree.close().unwrap();
}

/// L9, L4, E1: what it comes to later is told, and changes nothing.
#[test]
fn late_failures_reach_the_handlers_and_not_the_report() {
    for panics in [false, true] {
        let (timer, diary) = (ManualTimer::new(), Diary::default());
        let (errors, panicked) = (diary.clone(), diary.clone());
        let soiree = EventPool::builder()
            .pool(WorkerPool::new(1, 16).unwrap())
            .timer(timer.clone())
            .error_handler(move |_, error| {
                errors.note(format!("{:?}", error.kind()));
                Some(error)
            })
            .panic_handler(move |panic| panicked.note(panic.message))
            .build()
            .unwrap();
        let (said, running) = channel();
        let (go, told) = channel::<()>();
        let told = Mutex::new(told);
        soiree
            .on_with("a.b", limited(), move |_| {
                said.send(()).unwrap();
                told.lock().unwrap().recv().unwrap();
                assert!(!panics, "too late");
                Err::<(), _>("too late")
            })
            .unwrap();
        let emission = run_out(&soiree, &timer, &running);
        check_timed_out(&emission.wait());
        assert_eq!(diary.take(), ["TimedOut"]);
        go.send(()).unwrap();
        soiree.close().unwrap();
        let late: &[_] = if panics {
            &["too late", "Panicked"]
        } else {
            &["Failed"]
        };
        assert_eq!(diary.take(), late);
        check_timed_out(&emission.wait());
    }
}

/// L9, L2: an abort holds whenever it comes, for those that have not been called.
#[test]
fn an_abort_by_a_listener_that_times_out_holds() {
    for in_time in [false, true] {
        let (soiree, timer) = on(1);
        let diary = Diary::default();
        note_on(&soiree, &diary, "after", Priority::Low);
        let (said, running) = channel();
        let (go, told) = channel::<()>();
        let told = Mutex::new(told);
        soiree
            .on_with("a.b", limited(), move |event| {
                if in_time {
                    event.set_aborted(true);
                }
                said.send(()).unwrap();
                told.lock().unwrap().recv().unwrap();
                event.set_aborted(true);
            })
            .unwrap();
        let emission = run_out(&soiree, &timer, &running);
        assert_eq!(emission.is_finished(), in_time, "the worker is held");
        go.send(()).unwrap();
        let report = emission.wait();
        assert_eq!((report.delivered, report.aborted), (1, true));
        check_timed_out(&report);
        soiree.close().unwrap();
        assert!(diary.take().is_empty());
    }
}

/// L9, L5: a run that times out is a run, and the last one takes the listener off.
#[test]
fn a_last_run_that_times_out_takes_the_listener_off() {
    let (soiree, timer) = on(2);
    let (running, go) = held(&soiree, "a.b", limited().once());
    let emission = run_out(&soiree, &timer, &running);
    check_timed_out(&emission.wait());
    assert!(soiree.is_empty());
    assert_eq!(soiree.emit("a.b", ()).unwrap().wait().delivered, 0);
    go.send(()).unwrap();
    soiree.close().unwrap();
}

/// L9, E4: an emission that has ended does not hold up a close; the worker that is still held does, if the pool was handed over.
#[test]
fn a_close_waits_for_the_worker_and_not_for_the_emission() {
    for shared in [false, true] {
        let timer = ManualTimer::new();
        let pool = Arc::new(WorkerPool::new(2, 16).unwrap());
        let builder = EventPool::builder().timer(timer.clone());
        let builder = if shared {
            builder.pool(Arc::clone(&pool))
        } else {
            builder.pool(WorkerPool::new(2, 16).unwrap())
        };
        let soiree = builder.build().unwrap();
        let diary = Diary::default();
        let (running, go) = in_between(&soiree, &diary);
        run_out(&soiree, &timer, &running).wait();
        until("only its worker is held", || {
            soiree.pool_stats().active == 1
        });
        let closed = soiree.close_with_deadline(Instant::now());
        if shared {
            closed.unwrap();
            assert_eq!(pool.stats().active, 1);
            go.send(()).unwrap();
            pool.release();
        } else {
            let Err(CloseError::DrainTimeout {
                emissions: 0,
                pool: Some(left),
            }) = closed
            else {
                panic!("{closed:?}");
            };
            assert_eq!((left.active, left.discarded), (1, 0));
            go.send(()).unwrap();
        }
    }
}

/// L9, P3: however close the end of the time and that of the listener are, those after it are called once.
#[test]
fn times_that_run_out_as_listeners_return_lose_nobody() {
    const EVENTS: usize = 400;
    let soiree = EventPool::with_pool(WorkerPool::new(2, 4).unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let soon = ListenerOptions::new().timeout(Duration::from_micros(20));
    for _ in 0..2 {
        let count = Arc::clone(&calls);
        soiree
            .on_with("a.b", soon.clone(), |_| {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_micros(20) {
                    thread::yield_now();
                }
            })
            .unwrap();
        soiree
            .on("a.b", move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EVENTS / 4 {
                    let report = soiree.emit("a.b", ()).unwrap().wait();
                    assert_eq!((report.delivered, report.not_called), (4, 0));
                    assert_eq!(report.failed, report.timed_out);
                }
            });
        }
    });
    soiree
        .close_with_deadline(Instant::now() + PATIENCE)
        .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2 * EVENTS);
}

/// L9: without a timeout nothing is put in the timer.
#[test]
fn listeners_without_a_timeout_are_not_timed() {
    let soiree = on_one_worker(4);
    soiree.on("a.b", |_| {}).unwrap();
    crate::support::both_ways(&soiree, "a.b", |report| assert_eq!(report.timed_out, 0));
    until("the worker rests", || soiree.pool_stats().active == 0);
    soiree.close().unwrap();
}

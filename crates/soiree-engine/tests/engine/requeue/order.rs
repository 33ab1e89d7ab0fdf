//! Accepted work that waits for a place gets it before events that are emitted later.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Pool, Retry};
use soiree_pool::WorkerPool;
use soiree_testkit::{ManualPool, ManualTimer};

use super::wait_scheduled;
use crate::support::{Blocker, CallLog, PlainPool, wait_until};

const DELAY: Duration = Duration::from_millis(1);

/// E7: a retry that is due takes the first place that becomes free, before emitters that began to wait later; so at most the queue and one
/// job for each worker are before it, however many threads emit.
#[test]
fn a_due_retry_is_overtaken_by_no_emitter_that_waits() {
    let (timer, pool) = (ManualTimer::new(), Arc::new(WorkerPool::new(1, 1).unwrap()));
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let log = CallLog::default();
    let calls = log.clone();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("failing", options, move |event| {
            calls.record(format!("attempt {}", event.attempt()));
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    let calls = log.clone();
    soiree
        .on("new", move |event| {
            let number = *event.payload_as::<u8>().unwrap();
            calls.record(format!("new {number}"));
        })
        .unwrap();
    soiree.emit("failing", ()).unwrap();
    wait_scheduled(&timer, 1);
    let blocker = Blocker::worker(&soiree);
    soiree.emit("new", 0_u8).unwrap();
    timer.advance(DELAY);
    wait_until("the retry waits", || pool.stats().requeued == 1);
    thread::scope(|scope| {
        for number in 1..=8_u8 {
            let soiree = &soiree;
            scope.spawn(move || soiree.emit("new", number).unwrap());
            wait_until("it blocks", || pool.stats().blocked == usize::from(number));
        }
        blocker.release();
    });
    soiree.close().unwrap();
    pool.release();
    let order = log.take();
    assert_eq!(order[..3], ["attempt 1", "new 0", "attempt 2"]);
    let rest: Vec<String> = (1..=8).map(|number| format!("new {number}")).collect();
    assert_eq!(
        order[3..],
        rest,
        "emitters get places in the order in which they began to wait"
    );
}

/// E7: 1,000 retries that are due while their pool is full cost nothing while they wait: no job is rejected, and each runs once.
#[test]
fn retries_that_wait_for_a_place_are_not_submitted_again_and_again() {
    let (timer, pool) = (ManualTimer::new(), Arc::new(WorkerPool::new(1, 1).unwrap()));
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("failing", options, move |event| {
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    let emissions: Vec<_> = (0..1_000)
        .map(|_| soiree.emit("failing", ()).unwrap())
        .collect();
    wait_scheduled(&timer, 1_000);
    let blocker = Blocker::worker(&soiree);
    timer.advance(DELAY);
    wait_until("all wait", || {
        let stats = pool.stats();
        stats.requeued + stats.waiting == 1_000
    });
    let before = pool.stats();
    blocker.release();
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!((before.rejected, pool.stats().rejected), (0, 0));
    soiree.close().unwrap();
    pool.release();
}

/// E7: a pool that cannot take work back gets a retry that is due as soon as one of the emitter's jobs ends there, or when the timer tries
/// again. The pauses in between grow.
#[test]
fn work_waits_for_a_pool_that_cannot_take_it_back() {
    let (timer, manual) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let builder = EventPool::builder().pool(PlainPool(manual.clone()));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("failing", options, move |event| {
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    let fill = || manual.try_submit(soiree_core::Job::new(|| ())).unwrap();
    let failing = soiree.emit("failing", ()).unwrap();
    assert_eq!(manual.run_all(), 1);
    fill();
    timer.advance(DELAY);
    // It tries after 5, 10, 20, ... 320, 500, 500 ms.
    let before = manual.stats().rejected;
    timer.advance(Duration::from_millis(1_700));
    assert_eq!(manual.stats().rejected - before, 9);
    assert!(manual.run_next() && !failing.is_finished());
    assert!(timer.advance_to_next());
    assert_eq!(manual.run_all(), 1);
    assert!(failing.wait().is_ok());
    soiree.close().unwrap();
}

/// E7: work that such a pool takes at the end of a job is called before what waits behind it, though that finds the pool full again.
#[test]
fn work_that_a_pool_has_taken_is_called_before_what_waits_behind_it() {
    let (timer, manual) = (ManualTimer::new(), ManualPool::with_capacity(1));
    let builder = EventPool::builder().pool(PlainPool(manual.clone()));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let log = CallLog::default();
    let calls = log.clone();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("failing", options, move |event| {
            let number = *event.payload_as::<u8>().unwrap();
            calls.record(format!("{number}, attempt {}", event.attempt()));
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    for number in 1..=3_u8 {
        soiree.emit("failing", number).unwrap();
        assert_eq!(manual.run_all(), 1);
    }
    soiree.emit("new", ()).unwrap();
    timer.advance(DELAY);
    assert_eq!(soiree.stats().waiting.place, 3);
    log.take();
    assert!(manual.run_next());
    assert_eq!(soiree.stats().waiting.place, 2);
    manual.run_all();
    let order = [1, 2, 3].map(|number| format!("{number}, attempt 2"));
    assert_eq!(log.take(), order);
    soiree.close().unwrap();
}

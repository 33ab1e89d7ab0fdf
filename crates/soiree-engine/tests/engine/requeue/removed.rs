//! Work that is due after its bulkhead was removed goes where its topic goes then.

use std::sync::Mutex;
use std::time::Duration;

use soiree::{Builder, EventPool};
use soiree_core::{Job, ListenerOptions, Pool, Retry};
use soiree_testkit::{ManualPool, ManualTimer};
use soiree_tokio::TaskPool;

use super::wait_scheduled;
use crate::async_listener::common::runtime;
use crate::support::{CallLog, PlainPool, thread_name, worker_pool};

const DELAY: Duration = Duration::from_millis(150);

fn builder(timer: &ManualTimer) -> Builder {
    EventPool::builder()
        .pool(worker_pool("rest", 1, 16))
        .bulkhead("mail", worker_pool("mail", 1, 16))
        .timer(timer.clone())
}

fn twice() -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(DELAY, 3))
}

/// Fails until its third attempt, and records where it was called.
fn subscribe(soiree: &EventPool, options: ListenerOptions) -> CallLog {
    let log = CallLog::default();
    let calls = log.clone();
    let listener = move |event: &dyn soiree_core::Event| {
        let thread = thread_name();
        calls.record(thread.split('-').next().unwrap());
        (event.attempt() == 3).then_some(()).ok_or("not yet")
    };
    soiree.on_with("a", options, listener).unwrap();
    log
}

/// E7, L7: a retry of a listener with a pool of its own goes to the pool of its topic if its own bulkhead was removed.
#[test]
fn a_retry_outlives_the_bulkhead_of_its_listener() {
    let timer = ManualTimer::new();
    let soiree = builder(&timer).build().unwrap();
    let log = subscribe(&soiree, twice().pool("mail"));
    let emission = soiree.emit("a", ()).unwrap();
    wait_scheduled(&timer, 1);
    soiree.drain_bulkhead("mail").unwrap();
    timer.advance(DELAY);
    wait_scheduled(&timer, 1);
    timer.advance(DELAY);
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!((report.delivered(), report.retried()), (1, 2));
    assert_eq!(log.take(), ["mail", "rest", "rest"]);
    soiree.close().unwrap();
}

/// E7, L7: a retry of a topic that was routed to a bulkhead goes where its topic goes once the bulkhead was removed.
#[test]
fn a_retry_outlives_the_bulkhead_of_its_topic() {
    let timer = ManualTimer::new();
    let soiree = builder(&timer).route("a", "mail").build().unwrap();
    let log = subscribe(&soiree, twice());
    let emission = soiree.emit("a", ()).unwrap();
    wait_scheduled(&timer, 1);
    soiree.drain_bulkhead("mail").unwrap();
    soiree
        .add_bulkhead("other", worker_pool("other", 1, 4))
        .unwrap();
    soiree.add_route("a", "other").unwrap();
    timer.advance(DELAY);
    wait_scheduled(&timer, 1);
    soiree.drain_bulkhead("other").unwrap();
    timer.advance(DELAY);
    assert!(emission.wait().is_ok());
    assert_eq!(log.take(), ["mail", "other", "rest"]);
    soiree.close().unwrap();
}

/// E7: a bulkhead that is exchanged for another one of its name ends no retry of an async listener, and rejects no async listener.
#[test]
fn a_retry_goes_to_the_bulkhead_that_replaces_its_own() {
    let runtime = runtime();
    let tasks = || TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    let timer = ManualTimer::new();
    let builder = builder(&timer).bulkhead("async", tasks());
    let soiree = builder.build().unwrap();
    soiree
        .on_async_with("a", twice(), move |event| {
            let attempt = event.attempt();
            async move { (attempt == 3).then_some(()).ok_or("not yet") }
        })
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    wait_scheduled(&timer, 1);
    soiree.drain_bulkhead("async").unwrap();
    soiree.add_bulkhead("async", tasks()).unwrap();
    timer.advance(DELAY);
    wait_scheduled(&timer, 1);
    timer.advance(DELAY);
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(soiree.stats().get("async").unwrap().submitted, 2);
    soiree.close().unwrap();
}

/// E7: an event that waits for a worker calls an async listener on the bulkhead that replaces the one of its emit.
#[test]
fn an_event_that_waits_uses_the_bulkhead_that_replaces_another() {
    let runtime = runtime();
    let tasks = || TaskPool::new(runtime.handle().clone(), 1, 4).unwrap();
    let timer = ManualTimer::new();
    let builder = builder(&timer).bulkhead("async", tasks());
    let soiree = builder.build().unwrap();
    soiree.on_async("a", |_| async {}).unwrap();
    let blocker = crate::support::Blocker::worker(&soiree);
    let emission = soiree.emit("a", ()).unwrap();
    soiree.drain_bulkhead("async").unwrap();
    soiree.add_bulkhead("async", tasks()).unwrap();
    blocker.release();
    let report = emission.wait();
    assert!(report.is_ok(), "{report:?}");
    soiree.close().unwrap();
}

/// E7, L7: a retry that waits for a place, and that a thread runs which waits for its emission, does not run again elsewhere once its bulkhead
/// is gone.
#[test]
fn a_retry_that_a_waiting_thread_has_run_does_not_move_to_another_pool() {
    let (timer, rest, mail) = (
        ManualTimer::new(),
        ManualPool::new(),
        ManualPool::with_capacity(1),
    );
    let soiree = EventPool::builder()
        .pool(rest.clone())
        .bulkhead("mail", PlainPool(mail.clone()))
        .timer(timer.clone())
        .build()
        .unwrap();
    let calls = CallLog::default();
    let log = calls.clone();
    let fails_once = move |event: &dyn soiree_core::Event| {
        log.record(format!("attempt {}", event.attempt()));
        (event.attempt() == 2).then_some(()).ok_or("not yet")
    };
    soiree
        .on_with("a", twice().pool("mail"), fails_once)
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    assert_eq!((rest.run_all(), mail.run_all()), (1, 1));

    let (weak, time, emission) = (soiree.downgrade(), timer.clone(), Mutex::new(emission));
    let waits = move |_: &dyn soiree_core::Event| {
        let report = emission.lock().unwrap().wait();
        assert_eq!((report.delivered(), report.retried()), (1, 1));
        weak.upgrade().unwrap().drain_bulkhead("mail").unwrap();
        assert!(time.advance(DELAY) > 0, "what waits is offered again");
    };
    soiree
        .on_with("b", ListenerOptions::new().pool("mail"), waits)
        .unwrap();
    let waiting = soiree.emit("b", ()).unwrap();
    assert_eq!(rest.run_all(), 1);
    timer.advance(DELAY);
    assert!(mail.run_next());
    assert!(waiting.wait().is_ok());
    assert_eq!(rest.run_all(), 0);
    assert_eq!(calls.take(), ["attempt 1", "attempt 2"]);
    soiree.close().unwrap();
}

/// E7: also if the pool where it goes is full as well.
#[test]
fn work_of_a_removed_bulkhead_keeps_its_order() {
    let timer = ManualTimer::new();
    let [rest, mail] = [(); 2].map(|()| ManualPool::with_capacity(1));
    let builder = EventPool::builder()
        .pool(PlainPool(rest.clone()))
        .bulkhead("mail", PlainPool(mail.clone()))
        .route("a", "mail");
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let log = CallLog::default();
    let calls = log.clone();
    let options = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("a", options, move |event| {
            let retried = event.attempt() == 2;
            let number = event.payload_as::<usize>().unwrap();
            retried
                .then(|| calls.record(number.to_string()))
                .ok_or("not yet")
        })
        .unwrap();
    for number in 0..4_usize {
        soiree.emit("a", number).unwrap();
        assert!(mail.run_next());
    }
    for full in [&mail, &rest] {
        full.try_submit(Job::new(|| ())).unwrap();
    }
    timer.advance(DELAY);
    assert!(mail.run_next());
    soiree.drain_bulkhead("mail").unwrap();
    assert!(timer.advance_to_next());
    assert_eq!(soiree.stats().waiting.place, 4);
    assert!(rest.run_next());
    while timer.advance_to_next() {
        while rest.run_next() {}
    }
    assert_eq!(log.take(), ["0", "1", "2", "3"]);
    soiree.close().unwrap();
}

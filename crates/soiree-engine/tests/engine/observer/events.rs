//! Notifications of emissions, listeners and jobs: each once, and in order.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{Pool, Priority, Retry};
use soiree_pool::WorkerPool;
use soiree_testkit::{Journal, ManualPool, Recorder};

use crate::support::{TIME_LIMIT, named};

/// An event pool on a manual pool, with a journal as observer.
fn manual() -> (EventPool, ManualPool, Journal) {
    let (pool, journal) = (ManualPool::new(), Journal::new());
    let soiree = EventPool::with_pool(Arc::new(pool.clone()));
    soiree.add_observer(journal.clone());
    (soiree, pool, journal)
}

/// L1, E1: from the start of an emission to its end, with its listeners in the order of their calls.
#[test]
fn an_emission_is_notified_in_order() {
    let (soiree, pool, journal) = manual();
    let fails = Recorder::failing("no");
    soiree.listen_with("a.*", named("fails"), fails).unwrap();
    let first = named("first").priority(Priority::High);
    soiree.listen_with("a.b", first, Recorder::new()).unwrap();
    journal.assert_lines([
        "subscription added: fails to a.*",
        "subscription added: first to a.b",
    ]);
    journal.clear();
    let emission = soiree.emit("a.b", ()).unwrap();
    let started = ["emission started: a.b on default", "job offered to default"];
    journal.assert_lines(started);
    pool.run_all();
    assert_eq!(emission.wait().failed(), 1);
    journal.assert_lines([
        started[0],
        started[1],
        "job started on default",
        "listener started: first for a.b, attempt 1",
        "listener ended: first for a.b, attempt 1 succeeded",
        "listener started: fails for a.b, attempt 1",
        "listener ended: fails for a.b, attempt 1 failed",
        "emission ended: a.b on default, 2 called, 1 failed, 0 not called, 0 retried",
        "job ended on default: completed",
    ]);
}

/// L1, L4, E1: an emission on the calling thread has the same notifications, without a job.
#[test]
fn an_emission_on_the_calling_thread_is_notified_without_a_job() {
    let (soiree, _, journal) = manual();
    soiree
        .listen_with("a.b", named("panics"), Recorder::panicking("oh"))
        .unwrap();
    journal.clear();
    soiree.emit_sync("a.b", ()).unwrap();
    journal.assert_lines([
        "emission started: a.b on its caller",
        "listener started: panics for a.b, attempt 1",
        "listener ended: panics for a.b, attempt 1 panicked",
        "listener panicked: panics for a.b, oh",
        "emission ended: a.b on its caller, 1 called, 1 failed, 0 not called, 0 retried",
    ]);
    journal.clear();
    let topic = soiree.topic("a.b").unwrap();
    topic
        .trigger(&soiree_core::BaseEvent::new("c.d", ()))
        .unwrap();
    assert_eq!(journal.count("emission started: c.d on its caller"), 1);
    assert_eq!(journal.count("listener ended: panics for c.d"), 1);
}

/// L2: only the abort is notified, not the listeners that it or a filter skips.
#[test]
fn skipped_listeners_are_not_notified() {
    let (soiree, pool, journal) = manual();
    let never = named("never").filter(|_| false);
    soiree.listen_with("a.b", never, Recorder::new()).unwrap();
    soiree
        .listen_with("a.b", named("aborts"), Recorder::aborting())
        .unwrap();
    soiree
        .listen_with("a.b", named("late"), Recorder::new())
        .unwrap();
    journal.clear();
    soiree.emit("a.b", ()).unwrap();
    pool.run_all();
    assert_eq!(
        journal.lines_starting_with("listener"),
        [
            "listener started: aborts for a.b, attempt 1",
            "listener ended: aborts for a.b, attempt 1 succeeded",
        ]
    );
    assert_eq!(
        journal.lines_starting_with("emission ended"),
        ["emission ended: a.b on default, 1 called, 0 failed, 0 not called, 0 retried, aborted"]
    );
    assert_eq!(journal.count("unheard event"), 0);
}

/// L4: as a panic of its listener, which has not started.
#[test]
fn a_panic_of_a_filter_is_notified() {
    let (soiree, _, journal) = manual();
    let options = named("filtered").filter(|_| panic!("odd"));
    soiree.listen_with("a.b", options, Recorder::new()).unwrap();
    journal.clear();
    soiree.emit_sync("a.b", ()).unwrap();
    assert_eq!(
        journal.lines_starting_with("listener"),
        [
            "listener ended: filtered for a.b, attempt 1 panicked",
            "listener panicked: filtered for a.b, odd",
        ]
    );
}

/// E2: a rejection once, with the reason and without an end, and an event without listeners.
#[test]
fn rejections_and_unheard_events_are_notified() {
    let journal = Journal::new();
    let pool = ManualPool::with_capacity(1);
    let soiree = EventPool::with_pool(Arc::new(pool.clone()));
    soiree.add_observer(journal.clone());
    soiree.emit("a..b", ()).unwrap_err();
    soiree.emit("a.b", ()).unwrap();
    soiree.emit("c.d", ()).unwrap_err();
    pool.run_all();
    soiree.close().unwrap();
    soiree.emit("e.f", ()).unwrap_err();
    soiree.emit_sync("g.h", ()).unwrap_err();
    journal.assert_lines([
        "emission rejected: \"a..b\", invalid",
        "emission started: a.b on default",
        "job offered to default",
        "emission started: c.d on default",
        "job offered to default",
        "job rejected by default: the queue is full (1 waiting)",
        "emission rejected: c.d by default, the queue is full (1 waiting)",
        "job started on default",
        "unheard event: a.b",
        "emission ended: a.b on default, 0 called, 0 failed, 0 not called, 0 retried",
        "job ended on default: completed",
        "emission rejected: e.f, closed",
        "emission rejected: g.h, closed",
    ]);
}

/// E6, P5: when a pool drops a job, first the emission ends as discarded, then its job.
#[test]
fn discarded_emissions_and_jobs_are_notified() {
    let (soiree, pool, journal) = manual();
    let emission = soiree.emit("a.b", ()).unwrap();
    pool.stop();
    assert!(emission.wait().is_discarded());
    journal.assert_lines([
        "emission started: a.b on default",
        "job offered to default",
        "emission ended: a.b on default, 0 called, 0 failed, 0 not called, 0 retried, discarded",
        "job ended on default: discarded",
    ]);
}

/// L7: each attempt, each retry before it is due, then the dead letter.
#[test]
fn every_attempt_is_notified() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 8).unwrap());
    let journal = Journal::new();
    soiree.add_observer(journal.clone());
    let retry = Retry::fixed(Duration::from_millis(1), 3);
    let fails = Recorder::failing("no");
    soiree
        .listen_with("a.b", named("fails").retry(retry), fails)
        .unwrap();
    journal.clear();
    let report = soiree.emit("a.b", ()).unwrap().wait();
    assert_eq!(
        (report.delivered(), report.failed(), report.retried()),
        (1, 1, 2)
    );
    soiree.close().unwrap();
    let mut lines = journal.lines_starting_with("listener");
    lines.extend(journal.lines_starting_with("retry"));
    lines.extend(journal.lines_starting_with("dead"));
    lines.extend(journal.lines_starting_with("emission ended"));
    assert_eq!(
        lines,
        [
            "listener started: fails for a.b, attempt 1",
            "listener ended: fails for a.b, attempt 1 failed",
            "listener started: fails for a.b, attempt 2",
            "listener ended: fails for a.b, attempt 2 failed",
            "listener started: fails for a.b, attempt 3",
            "listener ended: fails for a.b, attempt 3 failed",
            "retry scheduled: fails for a.b, 1ms after attempt 1",
            "retry scheduled: fails for a.b, 1ms after attempt 2",
            "dead letter: a.b after 3 attempts",
            "emission ended: a.b on default, 1 called, 1 failed, 0 not called, 2 retried",
        ]
    );
    let lines = journal.lines();
    let at = |line: &str| lines.iter().position(|other| other == line).unwrap();
    assert!(
        at("retry scheduled: fails for a.b, 1ms after attempt 1")
            < at("listener started: fails for a.b, attempt 2")
    );
    assert_eq!(journal.count("job ended on default: completed"), 3);
}

/// L6: with the name of their pool; a listener that its pool rejects or drops ends that way.
#[test]
fn listeners_on_their_own_pools_are_notified() {
    let (default, http) = (ManualPool::new(), ManualPool::with_capacity(1));
    let journal = Journal::new();
    let soiree = soiree::Builder::with_pool(Arc::new(default.clone()))
        .bulkhead("http", Arc::new(http.clone()))
        .observer(journal.clone())
        .build()
        .unwrap();
    let elsewhere = |name| named(name).pool("http");
    soiree
        .listen_with("a.b", elsewhere("one"), Recorder::new())
        .unwrap();
    soiree
        .listen_with("a.b", elsewhere("two"), Recorder::new())
        .unwrap();
    journal.clear();
    soiree.emit("a.b", ()).unwrap();
    default.run_all();
    journal.assert_lines([
        "emission started: a.b on default",
        "job offered to default",
        "job started on default",
        "job offered to http",
        "job offered to http",
        "job rejected by http: the queue is full (1 waiting)",
        "listener ended: two for a.b, attempt 1 rejected",
        "job ended on default: completed",
    ]);
    journal.clear();
    http.run_all();
    journal.assert_lines([
        "job started on http",
        "listener started: one for a.b, attempt 1",
        "listener ended: one for a.b, attempt 1 succeeded",
        "emission ended: a.b on default, 1 called, 0 failed, 1 not called, 0 retried",
        "job ended on http: completed",
    ]);
    soiree.emit("a.b", ()).unwrap();
    default.run_all();
    journal.clear();
    assert!(http.discard_next());
    journal.assert_lines([
        "listener ended: one for a.b, attempt 1 discarded",
        "emission ended: a.b on default, 0 called, 0 failed, 2 not called, 0 retried",
        "job ended on http: discarded",
    ]);
}

/// L5, E4: when a listener is added and when it is removed, for any reason.
#[test]
fn subscriptions_are_notified_until_they_are_removed() {
    let (soiree, _, journal) = manual();
    let once = named("once").once();
    soiree.listen_with("a.b", once, Recorder::new()).unwrap();
    let id = soiree
        .listen_with("a.b", named("off"), Recorder::new())
        .unwrap();
    soiree
        .listen_with("**", named("stays"), Recorder::new())
        .unwrap();
    soiree.off("a.b", &id).unwrap();
    soiree.off("a.b", &id).unwrap_err();
    soiree.emit_sync("a.b", ()).unwrap();
    soiree.close().unwrap();
    assert_eq!(
        journal.lines_starting_with("subscription"),
        [
            "subscription added: once to a.b",
            "subscription added: off to a.b",
            "subscription added: stays to **",
            "subscription removed: off from a.b, unsubscribed",
            "subscription removed: once from a.b, exhausted",
            "subscription removed: stays from **, closed",
        ]
    );
}

/// E3: if the thread that waits for an emission runs it, the emission and its job still end once.
#[test]
fn an_emission_run_by_its_waiter_ends_once() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 8).unwrap());
    let journal = Journal::new();
    soiree.add_observer(journal.clone());
    let handle = soiree.downgrade();
    let (done, waited) = channel();
    soiree
        .on("outer", move |_| {
            let soiree = handle.upgrade().unwrap();
            done.send(soiree.emit("inner", ()).unwrap().wait()).unwrap();
        })
        .unwrap();
    soiree.emit("outer", ()).unwrap();
    assert!(waited.recv_timeout(TIME_LIMIT).unwrap().is_ok());
    soiree.close().unwrap();
    assert_eq!(journal.count("emission ended: inner"), 1);
    assert_eq!(journal.count("job started"), 2);
    assert_eq!(journal.count("job ended on default: completed"), 2);
}

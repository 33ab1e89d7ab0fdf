//! The statistics of an event pool account for everything that has started and not ended.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use soiree::{EventPool, Stats, WhenPoolFull};
use soiree_core::{ListenerOptions, Pool, Retry};
use soiree_engine::KeyOrder;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualTimer;

use crate::support::{Blocker, on_one_worker, wait_until, worker_pool};

const DELAY: Duration = Duration::from_secs(60);

/// What waits: `[blocked, key, place, queue, retry]`.
fn waiting(stats: &Stats) -> [usize; 5] {
    let waiting = &stats.waiting;
    assert_eq!(
        stats.in_flight,
        (waiting.total() + stats.active) as u64,
        "{stats:?}"
    );
    [
        waiting.blocked,
        waiting.key,
        waiting.place,
        waiting.queue,
        waiting.retry,
    ]
}

#[track_caller]
fn assert_at_rest(soiree: &EventPool) {
    let stats = soiree.stats();
    assert_eq!(waiting(&stats), [0; 5]);
    assert_eq!((stats.in_flight, stats.active), (0, 0));
    assert_eq!((stats.retries, stats.waiting_calls), (0, 0));
}

fn one_key() -> KeyOrder {
    KeyOrder::by(|_| Some(1))
}

fn emit(soiree: &EventPool, topic: &str, events: usize) {
    for _ in 0..events {
        soiree.emit(topic, ()).unwrap();
    }
}

/// P1: every emission that has not ended runs, or waits for exactly one cause, and the sums fit exactly, under a held load and at rest.
#[test]
fn the_figures_of_a_held_load_add_up() {
    let timer = ManualTimer::new();
    let soiree = EventPool::builder()
        .pool(worker_pool("default", 1, 2))
        .bulkhead("own", worker_pool("own", 1, 1))
        .bulkhead("keyed", worker_pool("keyed", 1, 4))
        .route("key", "keyed")
        .ordered("key", one_key())
        .timer(timer.clone())
        .build()
        .unwrap();
    assert_at_rest(&soiree);

    let own = ListenerOptions::new().pool("own");
    let own = Blocker::on(&soiree, "own", own.when_full(WhenPoolFull::Wait));
    emit(&soiree, "own", 4);
    own.wait_started();
    wait_until("two calls wait for a place", || {
        soiree.stats().waiting.place == 2
    });

    let retry = ListenerOptions::new().retry(Retry::fixed(DELAY, 2));
    soiree
        .on_with("retry", retry, |event| {
            (event.attempt() == 2).then_some(()).ok_or("not yet")
        })
        .unwrap();
    emit(&soiree, "retry", 3);
    wait_until("three retries wait", || timer.pending() == 3);

    let keyed = Blocker::on(&soiree, "key", ListenerOptions::new());
    emit(&soiree, "key", 4);
    keyed.wait_started();

    let default = Blocker::worker(&soiree);
    soiree.on("late", |_| ()).unwrap();
    emit(&soiree, "late", 2);
    let blocked = || soiree.pool_stats().blocked == 2;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| emit(&soiree, "late", 1));
        }
        wait_until("two emits are blocked", blocked);
        let stats = soiree.stats();
        assert_eq!(waiting(&stats), [2, 3, 2, 3, 3]);
        assert_eq!((stats.in_flight, stats.active), (16, 3));
        assert_eq!((stats.retries, stats.waiting_calls), (3, 2));

        // Retries that are due wait for a place like everything else.
        timer.advance(DELAY);
        wait_until("the retries are due", || soiree.stats().waiting.place == 5);
        let stats = soiree.stats();
        assert_eq!(waiting(&stats), [2, 3, 5, 3, 0]);
        assert_eq!((stats.in_flight, stats.retries), (16, 3));
        default.release();
    });
    for _ in 0..4 {
        own.release();
        keyed.release();
    }
    wait_until("everything has ended", || soiree.stats().in_flight == 0);
    wait_until("the workers are idle", || soiree.stats().active == 0);
    assert_at_rest(&soiree);
    soiree.close().unwrap();
    assert_at_rest(&soiree);
}

/// P1, E3: emits that are blocked until there is room behind a key count, at their order and in the sum.
#[test]
fn emits_that_wait_for_room_behind_a_key_are_counted() {
    let soiree = on_one_worker(16);
    soiree.add_order("a", one_key().capacity(1)).unwrap();
    let blocker = Blocker::on(&soiree, "a", ListenerOptions::new());
    emit(&soiree, "a", 2);
    blocker.wait_started();
    thread::scope(|scope| {
        scope.spawn(|| emit(&soiree, "a", 1));
        wait_until("the emit is blocked", || {
            soiree.stats().orders[0].blocked == 1
        });
        assert_eq!(waiting(&soiree.stats()), [1, 1, 0, 0, 0]);
        for _ in 0..3 {
            blocker.release();
        }
    });
    soiree.close().unwrap();
    assert_at_rest(&soiree);
}

/// P1, E3: events of an order that was replaced still wait, and count.
#[test]
fn events_of_a_replaced_order_are_counted() {
    let soiree = on_one_worker(16);
    soiree.add_order("a", one_key()).unwrap();
    let blocker = Blocker::on(&soiree, "a", ListenerOptions::new());
    emit(&soiree, "a", 3);
    blocker.wait_started();
    soiree.add_order("a", one_key()).unwrap();
    let stats = soiree.stats();
    assert_eq!(waiting(&stats), [0, 2, 0, 0, 0]);
    assert_eq!(stats.orders[0].waiting, 0);
    for _ in 0..3 {
        blocker.release();
    }
    soiree.close().unwrap();
    assert_at_rest(&soiree);
}

/// P1: a pool that has two names counts once in the sums.
#[test]
fn a_pool_with_two_names_counts_once() {
    let pool = Arc::new(WorkerPool::new(1, 4).unwrap());
    let soiree = EventPool::builder()
        .pool(Arc::clone(&pool))
        .bulkhead("same", Arc::clone(&pool))
        .build()
        .unwrap();
    let blocker = Blocker::worker(&soiree);
    emit(&soiree, "a", 3);
    let stats = soiree.stats();
    assert_eq!(waiting(&stats), [0, 0, 0, 3, 0]);
    assert_eq!((stats.in_flight, stats.active), (4, 1));
    blocker.release();
    soiree.close().unwrap();
    pool.release();
    assert_at_rest(&soiree);
}

//! Deliveries for which there is no place in a pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::pool::{Job, Pool};
use soiree::pool::{Timer, TimerError, TimerId};
use soiree::store::{ParkedState, Position, Store};
use soiree::{Event, EventPool, ListenerOptions, Outbox, Retry, SubscribeError, WorkerPool};
use soiree_testkit::{Journal, ManualTimer, MemoryStore};

use super::support::{LIMIT, builder, receive, soiree, text, wait_until};

/// A pool with one worker, which is busy until the sender is dropped, and one job that waits in the only place. It sends "queued".
fn full_pool(order: &Sender<String>) -> (Arc<WorkerPool>, Sender<()>) {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let (release, released) = channel::<()>();
    let busy = Job::new(move || {
        let _ = released.recv();
    });
    pool.submit(busy).unwrap();
    wait_until("the worker is busy", || pool.stats().active == 1);
    let order = order.clone();
    let queued = Job::new(move || {
        let _ = order.send("queued".into());
    });
    pool.submit(queued).unwrap();
    (pool, release)
}

fn event_pool(pool: &Arc<WorkerPool>, journal: &Journal) -> EventPool {
    EventPool::builder()
        .pool(Arc::clone(pool))
        .observer(journal.clone())
        .build()
        .unwrap()
}

/// Subscribes `one`, which sends the text and the attempt.
fn subscribe(outbox: &Outbox, sender: Sender<String>) -> Result<(), SubscribeError> {
    let one = ListenerOptions::new().durable("one");
    let listener = move |event: &dyn Event| {
        let _ = sender.send(format!("{}, attempt {}", text(event), event.attempt()));
    };
    outbox.on_with("kept.**", one, listener).map(|_| ())
}

fn emit(outbox: &Outbox, texts: &[&str]) {
    for text in texts {
        outbox.emit("kept.a", String::from(*text)).unwrap();
    }
}

/// What a process after this one delivers.
fn delivered_after(store: MemoryStore) -> Vec<String> {
    let (sender, received) = channel();
    let next = builder(store).in_flight(1).build(soiree()).unwrap();
    subscribe(&next, sender).unwrap();
    next.start().unwrap();
    next.drain(LIMIT).unwrap();
    next.close().unwrap();
    received.iter().collect()
}

/// D12, D20: a delivery waits for its place in the order of arrival, with whatever else waits for one. Nothing asks for the place again and
/// again, and no attempt is counted.
#[test]
fn deliveries_wait_for_a_place_in_order() {
    let (order, received): (_, Receiver<String>) = channel();
    let (pool, release) = full_pool(&order);
    let journal = Journal::new();
    let event_pool = event_pool(&pool, &journal);
    let outbox = builder(MemoryStore::new()).build(event_pool.clone());
    let outbox = outbox.unwrap();
    subscribe(&outbox, order.clone()).unwrap();
    let plain = order;
    event_pool
        .on("plain", move |_: &dyn Event| {
            let _ = plain.send("plain".into());
        })
        .unwrap();
    outbox.start().unwrap();
    emit(&outbox, &["a", "b"]);
    wait_until("both wait", || pool.stats().requeued == 2);
    std::thread::scope(|scope| {
        scope.spawn(|| event_pool.emit("plain", ()).unwrap());
        wait_until("an emit waits", || pool.stats().blocked == 1);
        drop(release);
    });
    let expected = ["queued", "a, attempt 1", "b, attempt 1", "plain"];
    assert_eq!(receive(&received, 4), expected);
    outbox.close().unwrap();
    assert_eq!(journal.count("job offered"), 3);
    assert_eq!(journal.count("job rejected"), 0);
}

/// D5, D12, D18: no more than the window waits; a close takes what waits back at once, and no attempt is counted.
#[test]
fn a_close_takes_back_what_waits_for_a_place() {
    let store = MemoryStore::new();
    let (order, received) = channel();
    let (pool, release) = full_pool(&order);
    let outbox = builder(store.clone()).in_flight(3);
    let outbox = outbox.build(event_pool(&pool, &Journal::new())).unwrap();
    subscribe(&outbox, order).unwrap();
    outbox.start().unwrap();
    emit(&outbox, &["a", "b", "c", "d", "e"]);
    wait_until("three wait", || pool.stats().requeued == 3);
    outbox.close_with_deadline(LIMIT).unwrap();
    drop(release);
    assert_eq!(received.iter().collect::<Vec<_>>(), ["queued"]);
    store.open().unwrap();
    let parked = store.parked("one", None, Position::START, 10).unwrap();
    let counts = parked
        .iter()
        .map(|parked| (parked.attempts, parked.crashes));
    assert!(counts.clone().all(|counts| counts == (0, 0)), "{parked:?}");
    let expected = ["a", "b", "c", "d", "e"].map(|text| format!("{text}, attempt 1"));
    let mut delivered = delivered_after(store);
    delivered.sort();
    assert_eq!(delivered, expected);
}

/// D18: a listener that is removed gives its name back although its pool is full.
#[test]
fn a_removed_listener_takes_back_what_waits_for_a_place() {
    let (order, received) = channel();
    let (pool, release) = full_pool(&order);
    let outbox = builder(MemoryStore::new()).build(event_pool(&pool, &Journal::new()));
    let outbox = outbox.unwrap();
    let one = ListenerOptions::new().durable("one");
    let id = outbox.on_with("kept.**", one, |_: &dyn Event| panic!("it was removed"));
    let id = id.unwrap();
    outbox.start().unwrap();
    emit(&outbox, &["a"]);
    wait_until("it waits", || pool.stats().requeued == 1);
    soiree::Soiree::unsubscribe(&outbox, "kept.**", &id).unwrap();
    wait_until("the name is free", || {
        subscribe(&outbox, order.clone()).is_ok()
    });
    drop((release, order));
    assert_eq!(receive(&received, 2), ["queued", "a, attempt 1"]);
    outbox.drain(LIMIT).unwrap();
    assert_eq!(outbox.listeners()[0].done, 1);
    outbox.close().unwrap();
}

/// D7, D18: a retry that waits for a place at a close counts neither an attempt nor a crash.
#[test]
fn a_close_takes_back_a_retry_that_waits_for_a_place() {
    let store = MemoryStore::new();
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let outbox = builder(store.clone()).build(event_pool(&pool, &Journal::new()));
    let outbox = outbox.unwrap();
    let (fail, fails) = channel::<()>();
    let fails = std::sync::Mutex::new(fails);
    let retry = Retry::fixed(Duration::from_millis(1), 5);
    let one = ListenerOptions::new().durable("one").retry(retry);
    let listener = move |_: &dyn Event| {
        let _ = fails.lock().unwrap().recv();
        Err::<(), _>("no")
    };
    outbox.on_with("kept.**", one, listener).unwrap();
    outbox.start().unwrap();
    emit(&outbox, &["a"]);
    wait_until("it runs", || pool.stats().active == 1);
    let (release, released) = channel::<()>();
    let (started, starts) = channel();
    let busy = Job::new(move || {
        started.send(()).unwrap();
        let _ = released.recv();
    });
    pool.submit(busy).unwrap();
    pool.requeue(Job::new(|| {})).unwrap();
    fail.send(()).unwrap();
    starts.recv_timeout(LIMIT).unwrap();
    wait_until("the retry waits", || pool.stats().requeued == 1);
    outbox.close_with_deadline(LIMIT).unwrap();
    drop(release);
    store.open().unwrap();
    let parked = store.parked("one", None, Position::START, 10).unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(
        (parked[0].attempts, parked[0].crashes),
        (1, 0),
        "{parked:?}"
    );
    assert_eq!(delivered_after(store), ["a, attempt 2"]);
}

/// D8: what a pool that is stopped discards counts no attempt, and is delivered after the next start.
#[test]
fn a_stopped_pool_counts_no_attempt() {
    let store = MemoryStore::new();
    let (order, received) = channel();
    let (pool, release) = full_pool(&order);
    let journal = Journal::new();
    let outbox = builder(store.clone()).build(event_pool(&pool, &journal));
    let outbox = outbox.unwrap();
    subscribe(&outbox, order).unwrap();
    outbox.start().unwrap();
    emit(&outbox, &["a", "b"]);
    wait_until("both wait", || pool.stats().requeued == 2);
    pool.stop();
    wait_until("both are discarded", || pool.stats().discarded >= 3);
    wait_until("both are offered again", || {
        journal.count("job rejected") >= 2
    });
    outbox.close_with_deadline(LIMIT).unwrap();
    drop(release);
    assert_eq!(received.iter().count(), 0);
    store.open().unwrap();
    let parked = store.parked("one", None, Position::START, 10).unwrap();
    let counts = parked
        .iter()
        .map(|parked| (parked.attempts, parked.crashes));
    assert_eq!(counts.collect::<Vec<_>>(), [(0, 0), (0, 0)]);
    assert!(
        parked
            .iter()
            .all(|parked| parked.state == ParkedState::Retry)
    );
    let mut delivered = delivered_after(store);
    delivered.sort();
    assert_eq!(delivered, ["a, attempt 1", "b, attempt 1"]);
}

/// Counts what is scheduled.
struct CountingTimer {
    timer: ManualTimer,
    scheduled: Arc<AtomicUsize>,
}

impl Timer for CountingTimer {
    fn now(&self) -> Instant {
        self.timer.now()
    }

    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        self.scheduled.fetch_add(1, Ordering::Relaxed);
        self.timer.at(due, task)
    }

    fn cancel(&self, id: TimerId) -> bool {
        self.timer.cancel(id)
    }
}

/// D7, D20: a retry that is due waits for a place in the window without the timer.
#[test]
fn a_due_retry_waits_for_the_window_without_the_timer() {
    let (timer, scheduled) = (ManualTimer::new(), Arc::new(AtomicUsize::new(0)));
    let counting = CountingTimer {
        timer: timer.clone(),
        scheduled: Arc::clone(&scheduled),
    };
    let pool = EventPool::builder().pool(WorkerPool::new(4, 100).unwrap());
    let pool = pool.timer(counting).build().unwrap();
    let outbox = builder(MemoryStore::new()).in_flight(2).build(pool);
    let outbox = outbox.unwrap();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let one = ListenerOptions::new()
        .durable("one")
        .retry(Retry::fixed(Duration::from_millis(1), 2));
    outbox
        .on_with("kept.**", one, move |event: &dyn Event| {
            if text(event) == "fails" && event.attempt() == 1 {
                return Err("no");
            }
            let _ = released.lock().unwrap().recv();
            Ok(())
        })
        .unwrap();
    outbox.start().unwrap();
    let info = || outbox.listeners()[0].clone();
    emit(&outbox, &["a", "fails"]);
    wait_until("it is parked", || info().retrying == 1);
    emit(&outbox, &["b"]);
    wait_until("the window is full", || info().in_flight == 2);
    let before = scheduled.load(Ordering::Relaxed);
    for waiting in 1..=20 {
        timer.advance(Duration::from_millis(1));
        emit(&outbox, &["c"]);
        wait_until("the relay has looked", || info().waiting == waiting);
    }
    let scheduled = scheduled.load(Ordering::Relaxed) - before;
    assert!(scheduled <= 2, "{scheduled}");
    drop(release);
    outbox.drain(LIMIT).unwrap();
    assert_eq!((info().done, info().retried), (23, 1));
    outbox.close().unwrap();
}

//! Listeners that emit and wait for events of the key that they handle.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Overflow, Pool, Retry};
use soiree_engine::{Emission, EmitError};
use soiree_pool::WorkerPool;

use super::{Numbered, by_key, keys_and_waiting, numbers, ordered_on, record};
use crate::support::{Blocker, TIME_LIMIT, wait_until, worker_pool};

/// L8, L3: such events are queued in order; a wait for them would be a wait for the listener itself, and returns at once.
#[test]
fn a_listener_may_emit_for_the_key_that_it_handles() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = record(&soiree);
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("key.outer", move |event| {
            let Numbered(key, number) = *event.payload_as::<Numbered>().unwrap();
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(key, number + 1)).unwrap();
            let inner = soiree.emit("key.a", Numbered(key, number + 2)).unwrap();
            sender.send(inner.wait().is_unfinished()).unwrap();
        })
        .unwrap();
    for number in [10, 20] {
        soiree.emit("key.outer", Numbered(1, number)).unwrap();
        assert!(receiver.recv_timeout(TIME_LIMIT).unwrap());
    }
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [10, 11, 12, 20, 21, 22]);
}

/// L8, E3: the only worker waits for an event of a key, and runs the events before it, then the event itself.
#[test]
fn a_wait_on_the_only_worker_runs_the_events_before() {
    for by_await in [false, true] {
        let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
        let handled = record(&soiree);
        let weak = soiree.downgrade();
        soiree
            .on("outer", move |_| {
                let soiree = weak.upgrade().unwrap();
                let emit = |number| soiree.emit("key.a", Numbered(1, number)).unwrap();
                let emissions: Vec<Emission> = (0..5).map(emit).collect();
                let mut emissions = emissions.into_iter();
                let report = match (by_await, emissions.nth(3).unwrap()) {
                    (true, fourth) => pollster::block_on(fourth),
                    (false, fourth) => fourth.wait(),
                };
                assert!(report.is_ok());
                assert!(!emissions.next().unwrap().is_finished());
            })
            .unwrap();
        assert!(soiree.emit("outer", ()).unwrap().wait().is_ok());
        soiree.close().unwrap();
        assert_eq!(numbers(&handled), [0, 1, 2, 3, 4]);
    }
}

/// L8, E3: the worker waits for the event that another thread runs, and runs those that are next after it.
#[test]
fn a_wait_on_a_worker_waits_for_the_event_that_another_thread_runs() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = record(&soiree);
    let blocker = Blocker::on(&soiree, "key.blocked", ListenerOptions::new());
    soiree.emit("key.blocked", Numbered(1, 0)).unwrap();
    blocker.wait_started();
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(1, 1)).unwrap();
            let last = soiree.emit("key.a", Numbered(1, 2)).unwrap();
            sender.send(()).unwrap();
            assert!(last.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    receiver.recv_timeout(TIME_LIMIT).unwrap();
    drop(blocker);
    assert!(outer.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    assert_eq!(numbers(&handled), [0, 1, 2]);
    soiree.close().unwrap();
}

struct SendsWakes(Sender<()>);

impl Wake for SendsWakes {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// L8, E3: when an `emit_sync` on another thread has ended, only the waiting worker can run the next event, and is woken for that.
#[test]
fn a_wait_on_the_only_worker_goes_on_when_another_thread_has_ended_the_event_before() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = record(&soiree);
    let blocker = Blocker::on(&soiree, "key.blocked", ListenerOptions::new());
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            let (wakes, woken) = channel();
            let waker = Waker::from(Arc::new(SendsWakes(wakes)));
            let mut context = Context::from_waker(&waker);
            let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
            let mut behind = pin!(behind.into_future());
            assert!(behind.as_mut().poll(&mut context).is_pending());
            sender.send(()).unwrap();
            woken.recv_timeout(TIME_LIMIT).unwrap();
            assert!(behind.as_mut().poll(&mut context).is_ready());
        })
        .unwrap();
    thread::scope(|scope| {
        let emits = scope.spawn(|| soiree.emit_sync("key.blocked", Numbered(1, 0)));
        blocker.wait_started();
        let outer = soiree.emit("outer", ()).unwrap();
        receiver.recv_timeout(TIME_LIMIT).unwrap();
        blocker.release();
        assert!(outer.wait_timeout(2 * TIME_LIMIT).unwrap().is_ok());
        assert!(emits.join().unwrap().unwrap().is_ok());
    });
    assert_eq!(numbers(&handled), [0, 1]);
    soiree.close().unwrap();
}

/// L8, E3: when the event before has ended on another pool, only the waiting worker can run the next one.
#[test]
fn a_wait_on_the_only_worker_goes_on_when_another_pool_has_ended_the_event_before() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.blocked", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = record(&soiree);
    let blocker = Blocker::on(&soiree, "key.blocked", ListenerOptions::new());
    soiree.emit("key.blocked", Numbered(1, 0)).unwrap();
    blocker.wait_started();
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(1, 1)).unwrap();
            let last = soiree.emit("key.a", Numbered(1, 2)).unwrap();
            assert!(last.wait_timeout(Duration::ZERO).is_none());
            sender.send(()).unwrap();
            assert!(last.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    receiver.recv_timeout(TIME_LIMIT).unwrap();
    drop(blocker);
    assert!(outer.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    assert_eq!(numbers(&handled), [0, 1, 2]);
    soiree.close().unwrap();
}

/// L8, E3, L7: the only worker waits for a later event, and runs the retries of the event before it.
#[test]
fn a_wait_on_the_only_worker_runs_the_retries_of_the_event_before() {
    for own in [None, Some("http")] {
        let soiree = EventPool::builder()
            .pool(worker_pool("rest", 1, 8))
            .bulkhead("http", worker_pool("http", 1, 8))
            .route("outer", own.unwrap_or("default"))
            .ordered("key.**", by_key())
            .build()
            .unwrap();
        let retry = Retry::fixed(Duration::from_millis(1), 3);
        let options = ListenerOptions::new().retry(retry);
        let options = match own {
            Some(own) => options.pool(own),
            None => options,
        };
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        soiree
            .on_with("key.a", options, move |event| {
                count.fetch_add(1, Ordering::SeqCst);
                if event.attempt() < 3 {
                    Err("not yet")
                } else {
                    Ok(())
                }
            })
            .unwrap();
        let weak = soiree.downgrade();
        soiree
            .on("outer", move |_| {
                let soiree = weak.upgrade().unwrap();
                soiree.emit("key.a", Numbered(1, 0)).unwrap();
                let second = soiree.emit("key.a", Numbered(1, 1)).unwrap();
                assert!(second.wait().is_ok());
            })
            .unwrap();
        let outer = soiree.emit("outer", ()).unwrap();
        assert!(outer.wait_timeout(TIME_LIMIT).unwrap().is_ok(), "{own:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 6);
        soiree.close().unwrap();
    }
}

/// L8, L3: a listener never blocks for room in the queue of a key, whichever pool it is on.
#[test]
fn a_listener_does_not_wait_for_room_in_the_queue_of_a_key() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 1))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("other.pool", "http")
        .ordered("key.**", by_key().overflow(Overflow::Block))
        .build()
        .unwrap();
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    let sender = Mutex::new(sender);
    let fill = move || {
        let soiree = weak.upgrade().unwrap();
        let rejected = (0..9).find_map(|number| soiree.emit("key.a", Numbered(7, number)).err());
        sender.lock().unwrap().send(rejected.unwrap()).unwrap();
    };
    let fill = Arc::new(fill);
    for topic in ["key.b", "other.pool"] {
        let fill = Arc::clone(&fill);
        soiree.on(topic, move |_| fill()).unwrap();
    }
    let blocker = Blocker::on(&soiree, "key.a", ListenerOptions::new());
    soiree.emit("key.b", Numbered(7, 0)).unwrap();
    let rejected = receiver.recv_timeout(TIME_LIMIT).unwrap();
    assert!(
        matches!(rejected, EmitError::KeyQueueFull { .. }),
        "{rejected}"
    );
    blocker.wait_started();
    soiree.emit("other.pool", ()).unwrap();
    let rejected = receiver.recv_timeout(TIME_LIMIT).unwrap();
    assert!(
        matches!(rejected, EmitError::KeyQueueFull { .. }),
        "{rejected}"
    );
    drop(blocker);
    wait_until("all have ended", || keys_and_waiting(&soiree) == (0, 0));
    soiree.close().unwrap();
}

/// L8, E2: an event that a waiting worker has run was accepted, even if the pool rejects its job later.
#[test]
fn an_event_that_ran_before_its_pool_rejected_it_was_accepted() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let soiree = ordered_on(Arc::clone(&pool));
    let handled = record(&soiree);
    let (sender, receiver) = channel();
    let (weak, stopped) = (soiree.downgrade(), Arc::clone(&pool));
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    soiree
        .on("outer", move |_| {
            sender.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
            assert!(behind.wait().is_ok());
            stopped.stop();
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    receiver.recv_timeout(TIME_LIMIT).unwrap();
    soiree.emit("fills.the.queue", ()).unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| soiree.emit("key.a", Numbered(1, 0)).unwrap());
        wait_until("the event is next", || keys_and_waiting(&soiree) == (1, 0));
        release.send(()).unwrap();
        let report = blocked.join().unwrap().wait();
        assert!(report.is_ok() && report.delivered() == 1, "{report:?}");
    });
    assert!(outer.wait().is_ok());
    assert_eq!(numbers(&handled), [0, 1]);
}

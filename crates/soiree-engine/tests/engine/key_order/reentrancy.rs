//! What listeners may do to the order of the events that they are called for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::EventPool;
use soiree_core::{ListenerOptions, Overflow, Pool, Retry};
use soiree_engine::{Emission, EmitError};
use soiree_pool::WorkerPool;

use super::{Numbered, by_key, note, numbers, on_their_way, ordered_on};
use crate::support::{Blocker, PATIENCE, wait_until, worker_pool};

/// L8, L3: what a listener emits for its own key is queued behind, in order; to wait for it would be to wait for itself.
#[test]
fn a_listener_may_emit_for_the_key_that_it_handles() {
    let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
    let handled = note(&soiree);
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on("key.outer", move |event| {
            let Numbered(key, number) = *event.payload_as::<Numbered>().unwrap();
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(key, number + 1)).unwrap();
            let inner = soiree.emit("key.a", Numbered(key, number + 2)).unwrap();
            said.send(inner.wait().unfinished).unwrap();
        })
        .unwrap();
    for number in [10, 20] {
        soiree.emit("key.outer", Numbered(1, number)).unwrap();
        assert!(heard.recv_timeout(PATIENCE).unwrap());
    }
    soiree.close().unwrap();
    assert_eq!(numbers(&handled), [10, 11, 12, 20, 21, 22]);
}

/// L8, E3: waiting on the only worker for an event behind others of its key runs there what is before it, and then itself.
#[test]
fn waiting_on_the_only_worker_runs_what_is_before() {
    for by_await in [false, true] {
        let soiree = ordered_on(WorkerPool::new(1, 8).unwrap());
        let handled = note(&soiree);
        let weak = soiree.downgrade();
        soiree
            .on("outer", move |_| {
                let soiree = weak.upgrade().unwrap();
                let emit = |number| soiree.emit("key.a", Numbered(1, number)).unwrap();
                let emissions: Vec<Emission> = (0..5).map(emit).collect();
                let mut emissions = emissions.into_iter();
                let report = match (by_await, emissions.nth(3).unwrap()) {
                    (true, fourth) => pollster(fourth),
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

/// Polls until there is a result, on this thread.
fn pollster(emission: Emission) -> soiree_engine::Report {
    use std::future::{Future, IntoFuture};
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(emission.into_future());
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(report) => return report,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// L8, E3: it waits for what another thread runs, and runs what becomes due meanwhile.
#[test]
fn waiting_on_a_worker_waits_for_what_another_thread_runs() {
    let soiree = ordered_on(WorkerPool::new(2, 8).unwrap());
    let handled = note(&soiree);
    let blocker = Blocker::on(&soiree, "key.held", ListenerOptions::new());
    soiree.emit("key.held", Numbered(1, 0)).unwrap();
    blocker.wait_started();
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(1, 1)).unwrap();
            let last = soiree.emit("key.a", Numbered(1, 2)).unwrap();
            said.send(()).unwrap();
            assert!(last.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    drop(blocker);
    assert!(outer.wait_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(numbers(&handled), [0, 1, 2]);
    soiree.close().unwrap();
}

/// L8, E3: when another pool has ended what is before, the waiting worker is the only one to run what is next.
#[test]
fn waiting_on_the_only_worker_goes_on_when_another_pool_has_ended_what_is_before() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.held", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = note(&soiree);
    let blocker = Blocker::on(&soiree, "key.held", ListenerOptions::new());
    soiree.emit("key.held", Numbered(1, 0)).unwrap();
    blocker.wait_started();
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            soiree.emit("key.a", Numbered(1, 1)).unwrap();
            let last = soiree.emit("key.a", Numbered(1, 2)).unwrap();
            assert!(last.wait_timeout(Duration::ZERO).is_none());
            said.send(()).unwrap();
            assert!(last.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    drop(blocker);
    assert!(outer.wait_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(numbers(&handled), [0, 1, 2]);
    soiree.close().unwrap();
}

/// L8, E3, L7: a retry that the only worker is to run is run by the listener there that waits for an event behind it.
#[test]
fn waiting_on_the_only_worker_runs_the_retries_of_what_is_before() {
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
        assert!(outer.wait_timeout(PATIENCE).unwrap().is_ok(), "{own:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 6);
        soiree.close().unwrap();
    }
}

/// L8, L3: a listener never waits for room behind others, on whatever pool it is.
#[test]
fn a_listener_does_not_wait_for_room_behind_others() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 1))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("elsewhere", "http")
        .ordered("key.**", by_key().overflow(Overflow::Block))
        .build()
        .unwrap();
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    let said = Mutex::new(said);
    let fill = move || {
        let soiree = weak.upgrade().unwrap();
        let refused = (0..9).find_map(|number| soiree.emit("key.a", Numbered(7, number)).err());
        said.lock().unwrap().send(refused.unwrap()).unwrap();
    };
    let fill = Arc::new(fill);
    for topic in ["key.b", "elsewhere"] {
        let fill = Arc::clone(&fill);
        soiree.on(topic, move |_| fill()).unwrap();
    }
    let blocker = Blocker::on(&soiree, "key.a", ListenerOptions::new());
    soiree.emit("key.b", Numbered(7, 0)).unwrap();
    let refused = heard.recv_timeout(PATIENCE).unwrap();
    assert!(
        matches!(refused, EmitError::KeyQueueFull { .. }),
        "{refused}"
    );
    blocker.wait_started();
    soiree.emit("elsewhere", ()).unwrap();
    let refused = heard.recv_timeout(PATIENCE).unwrap();
    assert!(
        matches!(refused, EmitError::KeyQueueFull { .. }),
        "{refused}"
    );
    drop(blocker);
    wait_until("all have ended", || on_their_way(&soiree) == (0, 0));
    soiree.close().unwrap();
}

/// L8, E2: what a worker that waits has run in place of the pool was accepted, though the pool then refuses it.
#[test]
fn an_event_that_ran_before_its_pool_refused_it_was_accepted() {
    let pool = Arc::new(WorkerPool::new(1, 1).unwrap());
    let soiree = ordered_on(Arc::clone(&pool));
    let handled = note(&soiree);
    let (said, heard) = channel();
    let (weak, stopped) = (soiree.downgrade(), Arc::clone(&pool));
    let (go, told) = channel::<()>();
    let told = Mutex::new(told);
    soiree
        .on("outer", move |_| {
            said.send(()).unwrap();
            told.lock().unwrap().recv().unwrap();
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.a", Numbered(1, 1)).unwrap();
            assert!(behind.wait().is_ok());
            stopped.stop();
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    soiree.emit("fills.the.queue", ()).unwrap();
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| soiree.emit("key.a", Numbered(1, 0)).unwrap());
        wait_until("it is the head", || on_their_way(&soiree) == (1, 0));
        go.send(()).unwrap();
        let report = blocked.join().unwrap().wait();
        assert!(report.is_ok() && report.delivered == 1, "{report:?}");
    });
    assert!(outer.wait().is_ok());
    assert_eq!(numbers(&handled), [0, 1]);
}

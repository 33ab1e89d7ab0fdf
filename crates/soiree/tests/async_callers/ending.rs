//! Waits that end because what they wait for is gone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::observe::{EmissionRejected, Observer};
use soiree::pool::Pool;
use soiree::{
    EmitError, EventPool, InboxOptions, KeyOrder, Overflow, Received, TaskPool, WeakEventPool,
    WorkerPool,
};

use crate::pools::{on_every_pool, shared_worker_pool};
use crate::support::{Blocked, Polled, TIME_LIMIT, wait_until};

/// A1, E6: when the runtime of its pool shuts down, an emit that waits for a place ends: a thread's with an answer, and a task's too. What
/// was accepted has a report.
#[test]
fn emits_that_wait_for_a_runtime_that_is_gone_end() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).build().unwrap();
    let pool = TaskPool::new(runtime.handle().clone(), 1, 1).unwrap();
    let soiree = EventPool::with_pool(pool);
    let blocked = Blocked::new(soiree.clone(), 1);
    let task = blocked.waiting(1);
    let emits = soiree.clone();
    let (sender, emitted) = channel();
    thread::spawn(move || sender.send(emits.emit("work.thread", 2_u64)));
    wait_until("both wait", || soiree.stats().waiting.blocked == 2);
    runtime.shutdown_background();
    blocked.release();
    let by_thread = emitted.recv_timeout(TIME_LIMIT).expect("it ends");
    for emitted in [task.wait(), by_thread] {
        match emitted {
            Ok(emission) => {
                let report = emission.wait_timeout(TIME_LIMIT);
                assert!(report.expect("it ends").is_discarded());
            }
            Err(error) => assert!(error.into_payload().is::<u64>()),
        }
    }
    wait_until("nothing is in flight", || soiree.stats().in_flight == 0);
    soiree.close().unwrap();
    assert_eq!(soiree.stats().waiting.total(), 0);
}

/// A1, A2: a pool that somebody else stops rejects those that wait for it, with their payloads.
#[test]
fn emits_that_wait_for_a_pool_that_is_stopped_end() {
    let pool = shared_worker_pool(1);
    let soiree = EventPool::with_pool(Arc::clone(&pool));
    let blocked = Blocked::new(soiree.clone(), 1);
    let task = blocked.waiting(7);
    let emits = soiree.clone();
    let thread = thread::spawn(move || emits.emit("work.thread", 7_u64));
    wait_until("both wait", || soiree.stats().waiting.blocked == 2);
    pool.stop();
    for rejected in [task.wait(), thread.join().unwrap()] {
        let rejected = rejected.unwrap_err();
        assert!(matches!(rejected, EmitError::Rejected { .. }), "{rejected}");
        assert_eq!(rejected.into_payload().downcast_ref(), Some(&7_u64));
    }
    blocked.release();
    soiree.close().unwrap();
    assert_eq!(soiree.stats().in_flight, 0);
}

/// A1: dropping the last handle leaves nothing that an emit could wait for, as the future holds one: it is served.
#[test]
fn an_emit_that_waits_keeps_its_event_pool() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 1);
        let emits = on.soiree.clone();
        let emit = Box::pin(async move { emits.emit_async("work.last", 7_u64).await });
        let mut emit = Polled::new(emit);
        assert!(emit.poll().is_pending());
        let handled = blocked.handled();
        blocked.release();
        drop((blocked, on));
        assert_eq!(emit.wait().unwrap().wait().delivered(), 1);
        assert_eq!(*handled.lock().unwrap(), [0, 7]);
    });
}

/// A payload that does this when it is dropped.
struct WhenDropped<F: FnMut()>(F);

impl<F: FnMut()> Drop for WhenDropped<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A2, E8: the payload of an emit that gives up finds the place free that the emit was given.
#[test]
fn a_payload_that_is_dropped_with_its_emit_finds_the_place_free() {
    on_every_pool(1, Overflow::Block, |on| {
        let blocked = Blocked::new(on.soiree.clone(), 0);
        let (open, opened) = channel::<()>();
        let opened = Mutex::new(opened);
        let hold = move |_: &dyn soiree::Event| {
            let _ = opened.lock().unwrap().recv();
        };
        on.soiree.on("hold", hold).unwrap();
        drop(on.soiree.try_emit("hold", ()).unwrap());
        let (soiree, (sender, emitted)) = (on.soiree.clone(), channel());
        let payload = WhenDropped(move || {
            let emission = soiree.try_emit("work.dropped", 7_u64);
            sender.send(emission.is_ok()).unwrap();
        });
        let mut emit = Polled::new(on.soiree.emit_async("work.no", payload));
        assert!(emit.poll().is_pending());
        let woken = emit.wakes();
        blocked.release();
        wait_until("a place is kept for it", || emit.wakes() > woken);
        drop(emit);
        assert!(emitted.recv_timeout(TIME_LIMIT).expect("it is dropped"));
        drop(open);
        assert_eq!(blocked.open(1), [7]);
    });
}

/// A2, L8, E8: the payload of an emit that gives up does not wait behind the emit for room among the events of its key.
#[test]
fn a_payload_that_is_dropped_with_its_emit_may_wait_for_room() {
    let order = KeyOrder::by(|_| Some(1)).capacity(1);
    let builder = EventPool::builder().pool(WorkerPool::new(1, 1).unwrap());
    let soiree = builder.ordered("work.*", order).build().unwrap();
    let blocked = Blocked::new(soiree.clone(), 1);
    drop(soiree.try_emit("work.behind", 2_u64).unwrap());
    let emits = soiree.clone();
    let payload = WhenDropped(move || drop(emits.emit("work.dropped", 7_u64).unwrap()));
    let waits = soiree.clone();
    let emit = Box::pin(async move { waits.emit_async("work.no", payload).await });
    let mut emit = Polled::new(emit);
    assert!(emit.poll().is_pending());
    let handled = blocked.handled();
    blocked.release();
    let (dropped, is_dropped) = channel();
    // Apart, and never joined: a test that fails must not hang.
    thread::spawn(move || {
        drop(emit);
        dropped.send(())
    });
    is_dropped.recv_timeout(TIME_LIMIT).expect("the drop ends");
    soiree.close().unwrap();
    assert_eq!(*handled.lock().unwrap(), [0, 2, 7]);
}

/// A2, L8, E8: an observer of an emit that got room, but whose pool is gone, does not wait behind that emit.
#[test]
fn an_observer_of_a_rejected_emit_may_wait_for_room() {
    struct EmitsWhenRejected(WeakEventPool);

    impl Observer for EmitsWhenRejected {
        fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
            if rejected.topic == "work.no" {
                let soiree = self.0.upgrade().unwrap();
                soiree.emit_sync("work.rejected", 7_u64).unwrap();
            }
        }
    }

    let pool = shared_worker_pool(1);
    let order = KeyOrder::by(|_| Some(1)).capacity(1);
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let soiree = builder.ordered("work.*", order).build().unwrap();
    soiree.add_observer(EmitsWhenRejected(soiree.downgrade()));
    let blocked = Blocked::new(soiree.clone(), 1);
    drop(soiree.try_emit("work.behind", 2_u64).unwrap());
    let handled = blocked.handled();
    let waits = soiree.clone();
    let emit = Box::pin(async move { waits.emit_async("work.no", 4_u64).await });
    let mut emit = Polled::new(emit);
    assert!(emit.poll().is_pending());
    pool.stop();
    let (ended, has_ended) = channel();
    // Never joined: a test that fails must not hang.
    thread::spawn(move || ended.send(emit.wait().is_err()));
    assert!(has_ended.recv_timeout(TIME_LIMIT).expect("the emit ends"));
    blocked.release();
    soiree.close().unwrap();
    assert_eq!(*handled.lock().unwrap(), [7]);
}

/// A1: a drain whose future is dropped after its first poll goes on.
#[test]
fn a_drain_that_is_dropped_goes_on() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    soiree
        .add_bulkhead("mail", WorkerPool::new(1, 8).unwrap())
        .unwrap();
    soiree.add_route("mail.*", "mail").unwrap();
    let (open, opened) = channel::<()>();
    let opened = Mutex::new(opened);
    let handled = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&handled);
    let listener = move |_: &dyn soiree::Event| {
        let _ = opened.lock().unwrap().recv();
        counts.fetch_add(1, Ordering::SeqCst);
    };
    soiree.on("mail.*", listener).unwrap();
    let emissions: Vec<_> = (0..8)
        .map(|_| soiree.emit("mail.sent", ()).unwrap())
        .collect();
    let mut drain = Polled::new(Box::pin(soiree.drain_bulkhead_async("mail")));
    assert!(drain.poll().is_pending());
    drop(drain);
    assert!(soiree.stats().get("mail").is_none());
    drop(open);
    assert!(emissions.iter().all(|emission| emission.wait().is_ok()));
    assert_eq!(handled.load(Ordering::SeqCst), 8);
    soiree.close().unwrap();
}

/// A4: a task that selects among inboxes, and drops the receives that were not ready, loses count of nothing.
#[test]
fn a_select_among_inboxes_loses_nothing() {
    const EVENTS: u64 = 2_000;
    let soiree = EventPool::with_pool(WorkerPool::new(2, 64).unwrap());
    let inbox = |topic| soiree.inbox(topic, InboxOptions::new(4)).unwrap();
    let (a, b, both) = (inbox("a"), inbox("b"), inbox("*"));
    let emits = soiree.clone();
    let emitter = thread::spawn(move || {
        for number in 0..EVENTS {
            let topic = if number % 3 == 0 { "a" } else { "b" };
            drop(emits.emit(topic, number).unwrap());
        }
        emits.close().unwrap();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let counts = runtime.unwrap().block_on(async {
        let (mut counts, mut open) = ([0; 3], [true; 3]);
        while open != [false; 3] {
            let (index, received) = tokio::select! {
                received = a.recv_async(), if open[0] => (0, received),
                received = b.recv_async(), if open[1] => (1, received),
                received = both.recv_async(), if open[2] => (2, received),
            };
            match received {
                Ok(Received::Event(_)) => counts[index] += 1,
                Ok(Received::Missed(missed)) => counts[index] += missed,
                Err(_) => open[index] = false,
            }
        }
        counts
    });
    emitter.join().unwrap();
    let of_a = EVENTS.div_ceil(3);
    assert_eq!(counts, [of_a, EVENTS - of_a, EVENTS]);
}

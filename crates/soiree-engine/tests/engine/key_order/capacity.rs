//! How many events may wait for others of their key, and what happens to the rest.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use soiree::EventPool;
use soiree_core::{
    BulkheadError, Event, KeyOrderError, ListenerId, ListenerOptions, MAX_CAPACITY, Overflow,
    Pattern, Timer, TimerError, TimerId,
};
use soiree_engine::{EmitError, KeyOrder};
use soiree_engine::{Emitter, Settings};
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, block_key, by_key, keys_and_waiting, numbers, ordered_on, record};
use crate::support::{CountWakes, PlainPool, TIME_LIMIT, wait_until};

fn with_order(pool: ManualPool, order: KeyOrder) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    soiree.add_order("key.*", order).unwrap();
    soiree
}

/// L8, P2: as many events wait as the pool's queue holds or `capacity` allows, over all keys of the order.
#[test]
fn no_more_events_wait_than_the_capacity_allows() {
    let reject = || by_key().overflow(Overflow::Reject);
    for (order, capacity) in [(reject(), 3), (reject().capacity(2), 2)] {
        let manual = ManualPool::with_capacity(3);
        let soiree = with_order(manual.clone(), order);
        for key in 0..2 {
            soiree.emit("key.a", Numbered(key, 0)).unwrap();
        }
        for number in 0..capacity {
            soiree.emit("key.a", Numbered(number % 2, 1)).unwrap();
        }
        let rejected = soiree.emit("key.a", Numbered(0, 2)).unwrap_err();
        assert_eq!(
            rejected.to_string(),
            format!(
                "key.a was not emitted: its key is busy, and {capacity} events of key.* wait behind others already"
            )
        );
        assert!(matches!(
            rejected,
            EmitError::KeyQueueFull { waited: None, .. }
        ));
        assert!(rejected.into_payload().is::<Numbered>());
        assert_eq!(keys_and_waiting(&soiree), (2, capacity as usize));
        soiree.emit("key.a", Numbered(7, 0)).unwrap();
        assert!(manual.run_next());
        soiree.emit("key.a", Numbered(0, 3)).unwrap();
        manual.run_all();
        soiree.close().unwrap();
    }
}

/// L8: an emit that finds no room waits for it, first come first served.
#[test]
fn an_emit_waits_for_room_in_the_queue_of_its_key() {
    for capacity in [0, 2] {
        let soiree = EventPool::with_pool(WorkerPool::new(2, 16).unwrap());
        let order = by_key().capacity(capacity);
        soiree.add_order("key.*", order).unwrap();
        let handled = record(&soiree);
        let blocker = block_key(&soiree);
        for number in 0..capacity {
            soiree.emit("key.a", Numbered(1, number as u32)).unwrap();
        }
        let emitter = soiree.clone();
        let blocked = thread::spawn(move || {
            for number in capacity..20 {
                emitter.emit("key.a", Numbered(1, number as u32)).unwrap();
            }
        });
        // Other keys are not blocked.
        for _ in 0..20 {
            let other = soiree.emit("key.a", Numbered(2, 99)).unwrap();
            assert!(other.wait_timeout(TIME_LIMIT).unwrap().is_ok());
        }
        assert!(!blocked.is_finished());
        blocker.release();
        wait_until("there was room for all", || blocked.is_finished());
        blocked.join().unwrap();
        soiree.close().unwrap();
        let mut numbers = numbers(&handled);
        numbers.retain(|number| *number != 99);
        assert!(numbers.into_iter().eq(0..20));
    }
}

/// L8: it gets the first room, while events of its key still wait for their turn.
#[test]
fn an_emit_that_waits_for_room_is_woken_before_its_key_is_idle() {
    let manual = ManualPool::new();
    let soiree = with_order(manual.clone(), by_key().capacity(1));
    soiree.emit("key.a", Numbered(1, 0)).unwrap();
    soiree.emit("key.a", Numbered(1, 1)).unwrap();
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut waiting = pin!(soiree.emit_async("key.a", Numbered(1, 2)));
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    assert!(manual.run_next());
    assert_eq!(keys_and_waiting(&soiree), (1, 0));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(waiting.as_mut().poll(&mut context).is_ready());
    assert_eq!(manual.run_all(), 2);
    soiree.close().unwrap();
}

/// L8: with `BlockFor` it waits no longer than that, and the payload comes back.
#[test]
fn an_emit_waits_for_room_no_longer_than_block_for() {
    let wait = Duration::from_millis(1);
    let order = by_key().capacity(0).overflow(Overflow::BlockFor(wait));
    let manual = ManualPool::new();
    let soiree = with_order(manual.clone(), order);
    soiree.emit("key.a", Numbered(1, 0)).unwrap();
    let rejected = soiree.emit("key.a", Numbered(1, 1)).unwrap_err();
    let EmitError::KeyQueueFull { waited, .. } = &rejected else {
        panic!("{rejected}");
    };
    assert_eq!(*waited, Some(wait));
    let payload = rejected.into_payload();
    assert_eq!(payload.downcast_ref(), Some(&Numbered(1, 1)));
    assert!(matches!(
        soiree.emit_sync("key.a", Numbered(1, 2)),
        Err(EmitError::KeyQueueFull { .. })
    ));
    manual.run_all();
    soiree.close().unwrap();
}

/// L8: an order that is invalid by itself or next to another one is rejected, with the reason.
#[test]
fn invalid_orders_are_rejected() {
    let rejected = |pattern, order| {
        let soiree = EventPool::with_pool(ManualPool::new());
        soiree.add_order("a.*", by_key()).unwrap();
        soiree.add_order(pattern, order).unwrap_err()
    };
    let error = rejected("*.b", by_key());
    assert!(matches!(error, KeyOrderError::Ambiguous { .. }));
    assert_eq!(
        error.to_string(),
        "the orders of a.* and *.b match the same topics and are equally specific"
    );
    let error = rejected("b..c", by_key());
    assert!(error.to_string().contains("b..c"), "{error}");
    for overflow in [Overflow::CallerRuns, Overflow::DropOldest] {
        let error = rejected("b", by_key().overflow(overflow));
        let says = format!("the order of b cannot have the overflow policy {overflow:?}");
        assert_eq!(error.to_string(), says);
    }
    let error = rejected("b", by_key().capacity(MAX_CAPACITY + 1));
    assert!(error.to_string().contains("16777217"), "{error}");

    let built = EventPool::builder()
        .ordered("a.*", by_key())
        .ordered("*.b", by_key())
        .build();
    assert!(matches!(
        built,
        Err(BulkheadError::Order(KeyOrderError::Ambiguous { .. }))
    ));
    let soiree = EventPool::with_pool(ManualPool::new());
    soiree.add_order("a.*", by_key()).unwrap();
    soiree.add_order("a.*", by_key()).unwrap();
    soiree.add_order("a.b", by_key()).unwrap();
    assert_eq!(soiree.stats().orders.len(), 2);
}

/// L8, P2: an event that is next of its key while its pool is full waits for the pool. It is not lost, and runs in the end.
#[test]
fn an_event_that_is_next_while_the_pool_is_full_waits_for_the_pool() {
    for capacity in [0, 1] {
        for workers in [1, 2] {
            let soiree = ordered_on(WorkerPool::new(workers, capacity).unwrap());
            let limit = by_key().capacity(1000);
            soiree.add_order("key.**", limit).unwrap();
            let handled = record(&soiree);
            thread::scope(|scope| {
                for key in 0..4 {
                    let soiree = &soiree;
                    scope.spawn(move || {
                        for number in 0..200 {
                            soiree.emit("key.a", Numbered(key, number)).unwrap();
                            soiree.emit("other", ()).unwrap();
                        }
                    });
                }
            });
            soiree.close().unwrap();
            let handled = handled.lock().unwrap();
            for key in 0..4 {
                let of_key = handled.iter().filter(|numbered| numbered.0 == key);
                assert!(of_key.map(|numbered| numbered.1).eq(0..200));
            }
        }
    }
}

/// L8: the pool runs only jobs of others, and still the event finds a free place in its queue.
#[test]
fn a_place_that_jobs_of_others_leave_is_found() {
    let manual = ManualPool::with_capacity(1);
    let soiree = EventPool::builder()
        .pool(Arc::new(manual.clone()))
        .bulkhead("http", WorkerPool::new(1, 4).unwrap())
        .route("key.block", "http")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    soiree.emit("key.second", Numbered(1, 1)).unwrap();
    // A job of somebody else.
    soiree_core::Pool::submit(&manual, soiree_core::Job::new(|| {})).unwrap();
    blocker.release();
    wait_until("the event is next", || keys_and_waiting(&soiree) == (1, 0));
    assert_eq!(numbers(&handled), [0; 0]);
    assert!(manual.run_next());
    wait_until("the event is on the pool", || manual.pending() == 1);
    assert!(manual.run_next());
    assert_eq!(numbers(&handled), [1]);
    soiree.close().unwrap();
}

/// A timer whose tasks never run.
#[derive(Default)]
struct Never(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl Timer for Never {
    fn at(&self, due: Instant, task: Box<dyn FnOnce() + Send>) -> Result<TimerId, TimerError> {
        self.0.lock().unwrap().push(task);
        Ok(TimerId { due, number: 0 })
    }

    fn cancel(&self, _: TimerId) -> bool {
        false
    }
}

/// L8, E7: if a pool cannot take work back, a worker that ends a job on it runs the event that waits; without the timer nothing else can.
#[test]
fn a_worker_that_ends_a_job_on_a_full_pool_runs_the_waiting_event() {
    let manual = ManualPool::with_capacity(1);
    let mut settings = Settings::new(PlainPool(manual.clone()));
    settings.timer = Some(Arc::new(Never::default()));
    settings.orders.add("key", by_key().capacity(9)).unwrap();
    let emitter = Arc::new(Emitter::new(settings));
    let (handled, weak) = (Arc::new(Mutex::new(Vec::new())), Arc::downgrade(&emitter));
    let recorded = Arc::clone(&handled);
    let listener = move |event: &dyn Event| {
        recorded
            .lock()
            .unwrap()
            .push(event.payload_as::<Numbered>().unwrap().1);
        // Fills the queue if it has room.
        let _ = weak.upgrade().unwrap().emit("other", ());
    };
    let (pattern, id) = (Pattern::new("key").unwrap(), ListenerId::generate());
    emitter
        .subscribe(&pattern, id, ListenerOptions::new(), Arc::new(listener))
        .unwrap();
    for number in 0..4 {
        emitter.emit("key", Numbered(1, number)).unwrap();
    }
    assert!(manual.run_next());
    assert_eq!(*handled.lock().unwrap(), [0, 1]);
    manual.run_all();
    assert_eq!(*handled.lock().unwrap(), [0, 1, 2, 3]);
    emitter.close(None).unwrap();
}

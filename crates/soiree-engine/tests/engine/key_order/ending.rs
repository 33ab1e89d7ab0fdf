//! What happens to waiting events when a pool, a bulkhead or the event pool ends.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{Overflow, Pool};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, block_key, by_key, keys_and_waiting, numbers, ordered_on, record};
use crate::support::{Blocker, TIME_LIMIT, wait_until, worker_pool};

const MANY: u32 = 100_000;

fn with_many(pool: Arc<dyn Pool>) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    let order = by_key().capacity(MANY as usize);
    soiree.add_order("key.**", order).unwrap();
    soiree
}

/// L8: no recursion for each waiting event, which would overflow the stack.
#[test]
fn many_events_of_one_key_run_one_after_another() {
    let soiree = with_many(Arc::new(WorkerPool::new(2, 4).unwrap()));
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    for number in 0..MANY {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    assert_eq!(keys_and_waiting(&soiree), (1, MANY as usize));
    blocker.release();
    soiree.close().unwrap();
    assert!(numbers(&handled).into_iter().eq(0..MANY));
}

/// L8, E6: all events that wait when the pool stops end as discarded, without a stack overflow.
#[test]
fn a_pool_that_stops_discards_the_waiting_events() {
    let pool = Arc::new(WorkerPool::new(2, 4).unwrap());
    let soiree = with_many(Arc::clone(&pool) as _);
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    let emissions: Vec<_> = (0..MANY)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    pool.stop();
    blocker.release();
    for emission in emissions {
        let report = emission.wait();
        assert!(
            report.is_discarded() && report.delivered() == 0,
            "{report:?}"
        );
    }
    assert_eq!(keys_and_waiting(&soiree), (0, 0));
    assert_eq!(numbers(&handled), [0; 0]);
    soiree.close().unwrap();
}

/// L8, E6, E7
#[test]
fn after_an_event_that_its_pool_drops_the_next_one_runs() {
    let one = WorkerPool::builder().max_workers(1).capacity(1);
    let soiree = ordered_on(one.overflow(Overflow::DropOldest).build().unwrap());
    let handled = record(&soiree);
    let blocker = Blocker::worker(&soiree);
    let (first, second) = (
        soiree.emit("key.a", Numbered(1, 0)).unwrap(),
        soiree.emit("key.a", Numbered(1, 1)).unwrap(),
    );
    // Drops the first event. The second one was accepted before: it waits for a place, and drops nothing.
    let other = soiree.emit("other", ()).unwrap();
    assert!(first.wait().is_discarded());
    blocker.release();
    assert!(second.wait().is_ok() && other.wait().is_ok());
    assert_eq!(numbers(&handled), [1]);
    soiree.close().unwrap();
}

/// L8, E4: a close handles the waiting events in order; a missed deadline counts those that are left.
#[test]
fn a_close_handles_the_waiting_events() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    soiree.add_order("key.**", by_key().capacity(100)).unwrap();
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    for number in 0..100 {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    thread::scope(|scope| {
        let close = scope.spawn(|| soiree.close());
        wait_until("the close has started", || soiree.is_closed());
        blocker.release();
        close.join().unwrap().unwrap();
    });
    assert!(numbers(&handled).into_iter().eq(0..100));

    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    let blocker = block_key(&soiree);
    let behind: Vec<_> = (0..4)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    let late = soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert!(
        matches!(late, CloseError::DrainTimeout { emissions: 5, .. }),
        "{late}"
    );
    blocker.release();
    for emission in behind {
        assert!(emission.wait().is_discarded());
    }
}

/// L8, E5: waiting events are handled after the last handle is dropped, and keep their pool until then.
#[test]
fn dropping_the_last_handle_loses_no_waiting_event() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    soiree.add_order("key.**", by_key().capacity(100)).unwrap();
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    let mut last = None;
    for number in 0..100 {
        last = Some(soiree.emit("key.a", Numbered(1, number)).unwrap());
    }
    drop(soiree);
    blocker.release();
    assert!(last.unwrap().wait().is_ok());
    assert!(numbers(&handled).into_iter().eq(0..100));
}

/// L8, E7: events that wait behind another of their key go to the new default pool, in order, if the old one is gone.
#[test]
fn a_new_default_pool_loses_no_waiting_event() {
    let old = ManualPool::new();
    let soiree = ordered_on(old.clone());
    let handled = record(&soiree);
    for number in 0..3 {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    let new = ManualPool::new();
    soiree.set_pool(new.clone()).unwrap();
    soiree.emit("key.a", Numbered(1, 3)).unwrap();
    assert_eq!((old.run_all(), new.run_all()), (1, 3));
    assert_eq!(numbers(&handled), [0, 1, 2, 3]);
    soiree.close().unwrap();
}

/// L8: if their bulkhead is drained first, waiting events go where the remaining routes lead, in order.
#[test]
fn a_drained_bulkhead_loses_no_waiting_event() {
    let (rest, misc) = (worker_pool("rest", 1, 64), worker_pool("misc", 1, 64));
    let soiree = EventPool::builder()
        .pool(rest)
        .bulkhead("misc", misc)
        .bulkhead("bulk", worker_pool("bulk", 2, 64))
        .route("key.**", "misc")
        .route("key.bulk", "bulk")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    let emissions: Vec<_> = (0..20)
        .map(|number| soiree.emit("key.bulk", Numbered(1, number)).unwrap())
        .collect();
    let busy = soiree.stats().get("misc").unwrap().submitted;
    soiree.drain_bulkhead("bulk").unwrap();
    blocker.release();
    for emission in emissions {
        assert!(emission.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    }
    assert!(numbers(&handled).into_iter().eq(0..20));
    assert_eq!(soiree.stats().get("misc").unwrap().submitted, busy + 20);
    assert_eq!(soiree.stats().get("default").unwrap().submitted, 0);
    soiree.close().unwrap();
}

/// L8, E3: after the drain, the event goes to the pool whose only worker waits for it; that worker runs it.
#[test]
fn a_worker_runs_the_event_that_it_waits_for_after_a_drain() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("bulk", worker_pool("bulk", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.block", "http")
        .route("key.bulk", "bulk")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = record(&soiree);
    let blocker = block_key(&soiree);
    let (weak, (sender, receiver)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.bulk", Numbered(1, 1)).unwrap();
            soiree.drain_bulkhead("bulk").unwrap();
            sender.send(()).unwrap();
            assert!(behind.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    receiver.recv_timeout(TIME_LIMIT).unwrap();
    blocker.release();
    assert!(outer.wait_timeout(TIME_LIMIT).unwrap().is_ok());
    assert_eq!(numbers(&handled), [1]);
    soiree.close().unwrap();
}

/// L8, E6: if the pool of a bulkhead stops, its waiting events are discarded, and run on no other pool.
#[test]
fn events_of_a_stopped_bulkhead_run_nowhere_else() {
    let bulk = Arc::new(ManualPool::new());
    let soiree = EventPool::builder()
        .pool(ManualPool::new())
        .bulkhead("bulk", Arc::clone(&bulk))
        .route("key.bulk", "bulk")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let emissions: Vec<_> = (0..3)
        .map(|number| soiree.emit("key.bulk", Numbered(1, number)).unwrap())
        .collect();
    bulk.stop();
    for emission in emissions {
        assert!(emission.wait().is_discarded());
    }
    assert_eq!(soiree.stats().get("default").unwrap().submitted, 0);
    soiree.close().unwrap();
}

//! What waits behind others when something ends.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{Overflow, Pool};
use soiree_engine::CloseError;
use soiree_pool::WorkerPool;
use soiree_testkit::ManualPool;

use super::{Numbered, block_key, by_key, note, numbers, on_their_way, ordered_on};
use crate::support::{Blocker, PATIENCE, worker_pool};

const MANY: u32 = 100_000;

fn with_many(pool: Arc<dyn Pool>) -> EventPool {
    let soiree = EventPool::with_pool(pool);
    let order = by_key().capacity(MANY as usize);
    soiree.add_order("key.**", order).unwrap();
    soiree
}

/// L8: nothing here happens once inside another for each event that waits, which would overflow the stack.
#[test]
fn many_events_of_one_key_run_one_after_another() {
    let soiree = with_many(Arc::new(WorkerPool::new(2, 4).unwrap()));
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    for number in 0..MANY {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    assert_eq!(on_their_way(&soiree), (1, MANY as usize));
    blocker.release();
    soiree.close().unwrap();
    assert!(numbers(&handled).into_iter().eq(0..MANY));
}

/// L8, E6: all that waits behind others when the pool stops ends as discarded, and the stack does not overflow.
#[test]
fn a_pool_that_stops_discards_what_waits_behind_others() {
    let pool = Arc::new(WorkerPool::new(2, 4).unwrap());
    let soiree = with_many(Arc::clone(&pool) as _);
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    let emissions: Vec<_> = (0..MANY)
        .map(|number| soiree.emit("key.a", Numbered(1, number)).unwrap())
        .collect();
    pool.stop();
    blocker.release();
    for emission in emissions {
        let report = emission.wait();
        assert!(report.discarded && report.delivered == 0, "{report:?}");
    }
    assert_eq!(on_their_way(&soiree), (0, 0));
    assert_eq!(numbers(&handled), [0; 0]);
    soiree.close().unwrap();
}

/// L8, E6: an event that its pool drops lets the next one go ahead.
#[test]
fn an_event_that_is_dropped_lets_the_next_one_go_ahead() {
    let one = WorkerPool::builder().max_workers(1).capacity(1);
    let soiree = ordered_on(one.overflow(Overflow::DropOldest).build().unwrap());
    let handled = note(&soiree);
    let blocker = Blocker::worker(&soiree);
    let (first, second) = (
        soiree.emit("key.a", Numbered(1, 0)).unwrap(),
        soiree.emit("key.a", Numbered(1, 1)).unwrap(),
    );
    // Drops the first, which makes it the second one's turn, which drops this.
    let other = soiree.emit("other", ()).unwrap();
    assert!(first.wait().discarded && other.wait().discarded);
    blocker.release();
    assert!(second.wait().is_ok());
    assert_eq!(numbers(&handled), [1]);
    soiree.close().unwrap();
}

/// L8, E4: a close handles what waits behind others, in order; with a deadline it says what it has not.
#[test]
fn a_close_handles_what_waits_behind_others() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    soiree.add_order("key.**", by_key().capacity(100)).unwrap();
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    for number in 0..100 {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    thread::scope(|scope| {
        let close = scope.spawn(|| soiree.close());
        crate::support::wait_until("it closes", || soiree.is_closed());
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
        assert!(emission.wait().discarded);
    }
}

/// L8, E5: what waits behind others is handled, and its pool kept, when the last handle is gone.
#[test]
fn dropping_the_last_handle_loses_nothing_that_waits_behind_others() {
    let soiree = ordered_on(WorkerPool::new(2, 4).unwrap());
    soiree.add_order("key.**", by_key().capacity(100)).unwrap();
    let handled = note(&soiree);
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

/// L8: what was emitted before still runs where it was to run.
#[test]
fn another_default_pool_changes_nothing_for_what_waits_behind_others() {
    let old = ManualPool::new();
    let soiree = ordered_on(old.clone());
    let handled = note(&soiree);
    for number in 0..3 {
        soiree.emit("key.a", Numbered(1, number)).unwrap();
    }
    let new = ManualPool::new();
    soiree.set_pool(new.clone());
    soiree.emit("key.a", Numbered(1, 3)).unwrap();
    assert_eq!((old.run_all(), new.run_all()), (3, 1));
    assert_eq!(numbers(&handled), [0, 1, 2, 3]);
    soiree.close().unwrap();
}

/// L8: events for a bulkhead that is drained before their turn comes go where they go without it, in order.
#[test]
fn a_drained_bulkhead_loses_nothing_that_waits_behind_others() {
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
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    let emissions: Vec<_> = (0..20)
        .map(|number| soiree.emit("key.bulk", Numbered(1, number)).unwrap())
        .collect();
    let busy = soiree.stats().get("misc").unwrap().submitted;
    soiree.drain_bulkhead("bulk").unwrap();
    blocker.release();
    for emission in emissions {
        assert!(emission.wait_timeout(PATIENCE).unwrap().is_ok());
    }
    assert!(numbers(&handled).into_iter().eq(0..20));
    assert_eq!(soiree.stats().get("misc").unwrap().submitted, busy + 20);
    assert_eq!(soiree.stats().get("default").unwrap().submitted, 0);
    soiree.close().unwrap();
}

/// L8, E3: nor does a worker wait in vain that is the only one to run what goes to its pool for want of the bulkhead.
#[test]
fn a_worker_runs_what_it_waits_for_where_a_drained_bulkhead_has_left_it() {
    let soiree = EventPool::builder()
        .pool(worker_pool("rest", 1, 8))
        .bulkhead("bulk", worker_pool("bulk", 1, 8))
        .bulkhead("http", worker_pool("http", 1, 8))
        .route("key.block", "http")
        .route("key.bulk", "bulk")
        .ordered("key.**", by_key())
        .build()
        .unwrap();
    let handled = note(&soiree);
    let blocker = block_key(&soiree);
    let (weak, (said, heard)) = (soiree.downgrade(), channel());
    soiree
        .on("outer", move |_| {
            let soiree = weak.upgrade().unwrap();
            let behind = soiree.emit("key.bulk", Numbered(1, 1)).unwrap();
            soiree.drain_bulkhead("bulk").unwrap();
            said.send(()).unwrap();
            assert!(behind.wait().is_ok());
        })
        .unwrap();
    let outer = soiree.emit("outer", ()).unwrap();
    heard.recv_timeout(PATIENCE).unwrap();
    blocker.release();
    assert!(outer.wait_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(numbers(&handled), [1]);
    soiree.close().unwrap();
}

/// L8, E6: when the bulkhead is stopped that a route leads to, nothing of what waits behind others turns up elsewhere.
#[test]
fn a_stopped_bulkhead_is_not_evaded() {
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
        assert!(emission.wait().discarded);
    }
    assert_eq!(soiree.stats().get("default").unwrap().submitted, 0);
    soiree.close().unwrap();
}

//! Async emits on topics that are ordered by key.

use soiree::{EventPool, KeyOrder, Overflow, WorkerPool};

use crate::support::{Blocked, Polled, wait_until};

fn ordered(order: KeyOrder) -> EventPool {
    let builder = EventPool::builder().pool(WorkerPool::new(1, 1).unwrap());
    builder.ordered("work.*", order).build().unwrap()
}

fn by_parity() -> KeyOrder {
    KeyOrder::by(|event| event.payload_as::<u64>().map(|number| *number % 2))
}

/// L8, A1: an emit waits for room behind the events of its key.
#[test]
fn an_emit_waits_for_room_behind_its_key() {
    let soiree = ordered(by_parity().capacity(1));
    // 0 has the place in the queue and is the head of its key.
    let blocked = Blocked::new(soiree.clone(), 1);
    drop(soiree.try_emit("work.behind", 2_u64).unwrap());
    let emit = blocked.waiting(4);
    assert_eq!(soiree.stats().waiting.blocked, 1);
    let gives_up = blocked.waiting(6);
    drop(gives_up);
    assert_eq!(soiree.stats().waiting.blocked, 1);
    let handled = blocked.handled();
    blocked.release();
    assert_eq!(emit.wait().unwrap().wait().delivered, 1);
    soiree.close().unwrap();
    assert_eq!(*handled.lock().unwrap(), [0, 2, 4]);
}

/// L8: an order that does not wait rejects in async code too.
#[test]
fn an_order_that_rejects_does_so_in_async_code() {
    let soiree = ordered(by_parity().capacity(1).overflow(Overflow::Reject));
    let blocked = Blocked::new(soiree.clone(), 1);
    drop(soiree.try_emit("work.behind", 2_u64).unwrap());
    let rejected = pollster::block_on(soiree.emit_async("work.behind", 4_u64)).unwrap_err();
    assert!(
        rejected.is_full() && rejected.pool().is_none(),
        "{rejected}"
    );
    let rejected = soiree.try_emit("work.behind", 4_u64).unwrap_err();
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&4_u64));
    assert_eq!(blocked.open(2), [0, 2]);
}

/// L8: an emit that finds no place in the pool leaves the queue of its key to others.
#[test]
fn an_emit_that_waits_for_its_pool_holds_up_nobody_behind_it() {
    let soiree = ordered(by_parity());
    let blocked = Blocked::new(soiree.clone(), 1);
    // Its key is idle, and the pool is full.
    let odd = blocked.waiting(1);
    let order = || soiree.stats().orders[0].clone();
    assert_eq!((order().keys, order().waiting), (1, 0), "only that of 0");
    let handled = blocked.handled();
    drop(odd);
    assert_eq!(soiree.stats().in_flight, 2, "block and 0");
    let again = blocked.waiting(3);
    blocked.release();
    assert_eq!(again.wait().unwrap().wait().delivered, 1);
    soiree.close().unwrap();
    assert_eq!(*handled.lock().unwrap(), [0, 3]);
}

/// L8: events of one key that one task emits are handled in the order of its emits.
#[test]
fn the_emits_of_one_task_are_handled_in_order() {
    let soiree = ordered(by_parity());
    let blocked = Blocked::new(soiree.clone(), 0);
    let handled = blocked.handled();
    blocked.release();
    pollster::block_on(async {
        for number in 0..500_u64 {
            drop(soiree.emit_async("work.task", number).await.unwrap());
        }
        soiree.close_async().await.unwrap();
    });
    let handled = handled.lock().unwrap();
    for parity in 0..2 {
        let of_key: Vec<_> = handled.iter().filter(|one| *one % 2 == parity).collect();
        assert!(of_key.is_sorted() && of_key.len() == 250);
    }
}

/// E4: a close ends the wait for room, too.
#[test]
fn a_close_rejects_an_emit_that_waits_for_room() {
    let soiree = ordered(by_parity().capacity(1));
    let blocked = Blocked::new(soiree.clone(), 1);
    drop(soiree.try_emit("work.behind", 2_u64).unwrap());
    let emit = blocked.waiting(4);
    let mut close = Polled::new(soiree.close_async());
    assert!(close.poll().is_pending());
    assert!(emit.wait().is_err());
    blocked.release();
    close.wait().unwrap();
    wait_until("nothing waits", || soiree.stats().waiting.total() == 0);
}

//! Async emits on topics that are ordered by key.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use soiree::{Emission, EmitError, EventPool, KeyOrder, Overflow, WorkerPool};

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
    assert_eq!(emit.wait().unwrap().wait().delivered(), 1);
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
    assert_eq!(again.wait().unwrap().wait().delivered(), 1);
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

/// An emitter that waits for room behind its key.
enum Waits<'a> {
    Thread(thread::JoinHandle<bool>),
    Task(Polled<Emit<'a>>),
}

type Emit<'a> = Pin<Box<dyn Future<Output = Result<Emission, EmitError>> + 'a>>;

impl<'a> Waits<'a> {
    /// Begins to wait, on a thread or in a task.
    fn new(soiree: &'a EventPool, on_a_thread: bool, number: u64) -> Self {
        let before = soiree.stats().waiting.blocked;
        let waits = if on_a_thread {
            let soiree = soiree.clone();
            let emit = move || soiree.emit("work.thread", number).is_ok();
            Self::Thread(thread::spawn(emit))
        } else {
            let emit: Emit = Box::pin(soiree.emit_async("work.task", number));
            let mut emit = Polled::new(emit);
            assert!(emit.poll().is_pending());
            Self::Task(emit)
        };
        wait_until("it waits", || soiree.stats().waiting.blocked > before);
        waits
    }

    fn may_go_on(&self) -> bool {
        match self {
            Self::Thread(thread) => thread.is_finished(),
            Self::Task(task) => task.wakes() > 0,
        }
    }

    fn end(self) {
        match self {
            Self::Thread(thread) => assert!(thread.join().unwrap()),
            Self::Task(task) => drop(task.wait().unwrap()),
        }
    }
}

/// An event pool, what lets one with an even or an odd number be handled, and the numbers that were handled.
type Stepwise = (EventPool, [Sender<()>; 2], Arc<Mutex<Vec<u64>>>);

/// An event pool that records the numbers of handled events. Each message lets one with an even or an odd number be handled.
fn stepwise(order: KeyOrder) -> Stepwise {
    let builder = EventPool::builder().pool(WorkerPool::new(4, 64).unwrap());
    let soiree = builder.ordered("work.*", order).build().unwrap();
    let ((even, evens), (odd, odds)) = (channel(), channel());
    let steps = [evens, odds].map(Mutex::new);
    let handled = Arc::new(Mutex::new(Vec::new()));
    let records = Arc::clone(&handled);
    let listener = move |event: &dyn soiree::Event| {
        let number = *event.payload_as::<u64>().unwrap();
        let _ = steps[number as usize % 2].lock().unwrap().recv();
        records.lock().unwrap().push(number);
    };
    soiree.on("work.*", listener).unwrap();
    (soiree, [even, odd], handled)
}

/// A2, L8: threads and tasks that wait behind a busy key get room in the order in which they began to wait, and their events are handled
/// in that order.
#[test]
fn emitters_behind_a_busy_key_get_room_in_order() {
    for parity in [0, 1] {
        let (soiree, steps, handled) = stepwise(KeyOrder::by(|_| Some(7)).capacity(1));
        // One is handled, and one has the room behind it.
        for number in 0..2_u64 {
            drop(soiree.emit("work.first", number).unwrap());
        }
        let waits = |number| Waits::new(&soiree, number % 3 != parity, number);
        let mut waiting: VecDeque<_> = (2..12).map(waits).collect();
        let mut running = 0;
        while let Some(next) = waiting.pop_front() {
            steps[running % 2].send(()).unwrap();
            running += 1;
            next.end();
            assert!(!waiting.iter().any(Waits::may_go_on));
            // Nor does one that comes later overtake them.
            if !waiting.is_empty() {
                assert!(soiree.try_emit("work.late", 99_u64).unwrap_err().is_full());
            }
        }
        drop(steps);
        soiree.close().unwrap();
        assert_eq!(*handled.lock().unwrap(), Vec::from_iter(0..12));
        assert_eq!(soiree.stats().waiting.total(), 0);
    }
}

/// A2, L8: one whose key becomes idle needs no room, so it goes on while one that began to wait earlier has none.
#[test]
fn an_emitter_whose_key_is_idle_needs_no_room() {
    for on_a_thread in [true, false] {
        let (soiree, [even, odd], handled) = stepwise(by_parity().capacity(1));
        // Both keys are busy, and the room behind them is taken.
        for number in [0_u64, 1, 2] {
            drop(soiree.emit("work.first", number).unwrap());
        }
        let first = Waits::new(&soiree, on_a_thread, 4);
        let second = Waits::new(&soiree, !on_a_thread, 3);
        assert!(!first.may_go_on() && !second.may_go_on());
        odd.send(()).unwrap();
        second.end();
        assert!(!first.may_go_on());
        // Idle keys are nobody's business but their own.
        drop(odd);
        wait_until("3 is handled", || handled.lock().unwrap().len() == 2);
        even.send(()).unwrap();
        first.end();
        drop(even);
        soiree.close().unwrap();
        assert_eq!(*handled.lock().unwrap(), [1, 3, 0, 2, 4]);
    }
}

/// A2: one that gives up, or whose time runs out, leaves the room to the next one.
#[test]
fn an_emitter_that_gives_up_leaves_the_room_to_the_next() {
    let (soiree, steps, handled) = stepwise(KeyOrder::by(|_| Some(7)).capacity(1));
    for number in 0..2_u64 {
        drop(soiree.emit("work.first", number).unwrap());
    }
    let mut gives_up = Polled::new(Box::pin(soiree.emit_async("work.task", 2_u64)));
    assert!(gives_up.poll().is_pending());
    let next = Waits::new(&soiree, true, 3);
    let last = Waits::new(&soiree, false, 4);
    steps[0].send(()).unwrap();
    wait_until("the first may go on", || gives_up.wakes() > 0);
    assert!(!next.may_go_on() && !last.may_go_on());
    drop(gives_up);
    next.end();
    assert!(!last.may_go_on());
    drop(steps);
    last.end();
    soiree.close().unwrap();
    assert_eq!(*handled.lock().unwrap(), [0, 1, 3, 4]);
}

//! Emitters that wait for room behind a busy key, under a model checker: `cargo xtask model`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, Thread};
use soiree_core::OrderingKey;
use soiree_testkit::model::{Threads, explore};

use super::key_queue::HashedKey;
use super::queue::{KeyQueues, QueueEntry, WaitLimit};
use super::room::RoomWaiter;

/// An entry with a number.
struct Entry(usize);

impl QueueEntry for Entry {
    fn notify(&self) {}
}

/// Wakes the thread that polls a task.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[derive(Clone)]
struct Emitters {
    queues: Arc<KeyQueues<Entry>>,
    key: HashedKey,
    entered: Arc<AtomicUsize>,
}

const CAPACITY: usize = 1;

impl Emitters {
    /// One event is being handled, and one has the room behind it.
    fn new() -> Self {
        let queues = Arc::new(KeyQueues::new());
        let emitters = Self {
            key: queues.hashed(OrderingKey::from(7)),
            queues,
            entered: Arc::default(),
        };
        for number in 0..2 {
            assert!(emitters.try_enter(number, None));
        }
        emitters
    }

    fn try_enter(&self, number: usize, place: Option<u64>) -> bool {
        let entry = Arc::new(Entry(number));
        let entered = self.queues.try_enter(&self.key, || entry, CAPACITY, place);
        self.entered
            .fetch_add(usize::from(entered.is_some()), SeqCst);
        entered.is_some()
    }

    /// Blocks until there is room.
    fn block(&self, number: usize) {
        let entry = Arc::new(Entry(number));
        let limit = || WaitLimit::Unlimited;
        let entered = self.queues.enter(&self.key, &entry, CAPACITY, limit);
        assert!(entered.is_ok());
        self.entered.fetch_add(1, SeqCst);
    }

    /// Waits for room in a task, which may be dropped meanwhile. Returns whether it was not.
    fn poll(&self, number: usize, may_be_dropped: bool) -> bool {
        let waiter = RoomWaiter::new(&self.queues, &self.key);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            waiter.set_waker(&waker);
            if self.try_enter(number, Some(waiter.number())) {
                return true;
            }
            if may_be_dropped && thread_rng().gen_ratio(1, 2) {
                return false;
            }
            thread::park();
        }
    }

    /// Waits until this many are in the line.
    fn wait_for_line(&self, count: usize) {
        while self.queues.waiting().1 < count {
            thread::yield_now();
        }
    }

    /// Handles this many events one after another. Returns their numbers.
    fn handle(&self, count: usize) -> Vec<usize> {
        let nobody = Arc::new(Entry(usize::MAX));
        let mut handled = Vec::new();
        while handled.len() < count {
            match self.queues.head_before(&self.key, &nobody, false) {
                Some(head) => {
                    handled.push(head.0);
                    let (waiting, _) = self.queues.waiting();
                    assert!(waiting <= CAPACITY);
                    drop(self.queues.leave(&self.key));
                }
                // The next one is on its way.
                None => thread::yield_now(),
            }
        }
        handled
    }

    fn assert_rest(&self) {
        assert!(self.queues.is_idle(&self.key));
        assert_eq!(self.queues.waiting(), (0, 0));
    }
}

/// A2, L8: threads and tasks get room in the order in which they began to wait.
#[test]
fn room_goes_to_the_one_that_began_to_wait_first() {
    explore(|| {
        let emitters = Emitters::new();
        let mut threads = Threads::default();
        for number in 2..5 {
            let waits = emitters.clone();
            threads.start(move || match number % 2 {
                0 => waits.block(number),
                _ => assert!(waits.poll(number, false)),
            });
            emitters.wait_for_line(number - 1);
        }
        assert_eq!(emitters.handle(5), [0, 1, 2, 3, 4]);
        threads.join();
        emitters.assert_rest();
    });
}

/// A2, L8: nobody is forgotten when another gives up, and nobody takes the room of two.
#[test]
fn emitters_race_for_room() {
    explore(|| {
        let emitters = Emitters::new();
        let given_up = Arc::new(AtomicUsize::new(0));
        let mut threads = Threads::default();
        for number in 2..5 {
            let (waits, given_up) = (emitters.clone(), Arc::clone(&given_up));
            threads.start(move || match number {
                2 => waits.block(number),
                _ => _ = given_up.fetch_add(usize::from(!waits.poll(number, true)), SeqCst),
            });
        }
        let mut handled = emitters.handle(3);
        while handled.len() + given_up.load(SeqCst) < 5 {
            if emitters.queues.is_idle(&emitters.key) {
                thread::yield_now();
            } else {
                handled.extend(emitters.handle(1));
            }
        }
        threads.join();
        assert_eq!(emitters.entered.load(SeqCst), handled.len());
        handled.sort_unstable();
        handled.dedup();
        assert_eq!(emitters.entered.load(SeqCst), handled.len());
        emitters.assert_rest();
    });
}

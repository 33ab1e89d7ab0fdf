//! Receiving in async code.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::thread;

use proptest::prelude::*;
use soiree::{EventPool, InboxOptions, Received, WhenFull};
use soiree_inbox::RecvStream;

use crate::support::{CountWakes, number};

/// A4, A1: a task that waits is woken, on any executor.
#[test]
fn a_task_receives_what_comes_later() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(4)).unwrap();
    let receive = || async {
        let mut numbers = Vec::new();
        while let Ok(received) = inbox.recv_async().await {
            numbers.push(number(received));
        }
        numbers
    };
    thread::scope(|scope| {
        let readers = [
            scope.spawn(|| pollster::block_on(receive())),
            scope.spawn(|| futures_executor::block_on(receive())),
        ];
        for number in 1..=100_i64 {
            soiree.emit_sync("a", number).unwrap();
        }
        soiree.close().unwrap();
        let received = readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap());
        let sum: i64 = received
            .map(|number| if number > 0 { 1 } else { -number })
            .sum();
        assert_eq!(sum, 100);
    });
}

/// A4: a future that is dropped loses nothing, and leaves no waker behind.
#[test]
fn a_dropped_receive_loses_nothing() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(4)).unwrap();
    let wakes = Arc::new(CountWakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    {
        let mut receive = pin!(inbox.recv_async());
        assert!(receive.as_mut().poll(&mut context).is_pending());
        soiree.emit_sync("a", 1_i64).unwrap();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        // Woken, and dropped before it is polled.
    }
    {
        let mut receive = pin!(inbox.recv_async());
        let Poll::Ready(received) = receive.as_mut().poll(&mut context) else {
            panic!("it is still there");
        };
        assert_eq!(received.map(number), Ok(1));
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1, "no waker is left");
}

/// A4: an inbox is a stream, by reference and by value.
#[test]
fn a_stream_yields_the_items_until_the_end() {
    fn collect<I: AsRef<soiree::Inbox> + Unpin>(
        stream: RecvStream<I, Arc<dyn soiree::Event>>,
    ) -> Vec<i64> {
        let received = futures_executor::block_on_stream(stream);
        received
            .map(|received: Received| number(received))
            .collect()
    }
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(4)).unwrap();
    (1..=3_i64).for_each(|number| drop(soiree.emit_sync("a", number).unwrap()));
    soiree.close().unwrap();
    assert_eq!(collect(inbox.stream()), [1, 2, 3]);
    assert!(collect(inbox.into_stream()).is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Emit,
    /// Makes a future, and polls it.
    Receive,
    /// Polls a future that waits.
    Poll(usize),
    /// Drops a future that waits, woken or not.
    Drop(usize),
    /// Receives an item of the channel, and drops it.
    Touch,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Emit),
        3 => Just(Step::Receive),
        2 => (0..4_usize).prop_map(Step::Poll),
        2 => (0..4_usize).prop_map(Step::Drop),
        1 => Just(Step::Touch),
    ];
    proptest::collection::vec(step, 1..60)
}

type Receive<'a> = Pin<Box<dyn Future<Output = Result<Received, soiree::Closed>> + 'a>>;

/// A future that waits, and who counts its wakes.
struct Waits<'a>(Receive<'a>, Arc<CountWakes>);

impl Waits<'_> {
    fn poll(&mut self) -> Poll<Result<Received, soiree::Closed>> {
        self.1.0.store(0, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.1));
        self.0.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn is_woken(&self) -> bool {
        self.1.0.load(Ordering::SeqCst) > 0
    }
}

proptest! {
    /// A1, A4: whichever receives are dropped, at any moment, nothing is lost count of, and nobody sleeps while there is an item.
    #[test]
    fn receives_that_are_dropped_lose_nothing(
        capacity in 1..4_usize,
        oldest in any::<bool>(),
        steps in steps(),
    ) {
        let soiree = EventPool::new();
        let when_full = if oldest { WhenFull::DropOldest } else { WhenFull::DropNewest };
        let options = InboxOptions::new(capacity).when_full(when_full);
        let inbox = soiree.inbox("a", options).unwrap();
        let (mut emitted, mut counted) = (0_i64, 0);
        let mut waiting: Vec<Waits> = Vec::new();
        for step in steps {
            let mut next = None;
            match step {
                Step::Emit => {
                    emitted += 1;
                    soiree.emit_sync("a", emitted).unwrap();
                }
                Step::Receive => {
                    next = Some(Waits(Box::pin(inbox.recv_async()), Arc::default()));
                }
                Step::Poll(index) if index < waiting.len() => next = Some(waiting.remove(index)),
                Step::Drop(index) if index < waiting.len() => drop(waiting.remove(index)),
                Step::Touch => drop(inbox.receiver().try_recv()),
                _ => {}
            }
            if let Some(mut next) = next {
                match next.poll() {
                    Poll::Ready(received) => counted += number(received.unwrap()).min(1).abs(),
                    Poll::Pending => waiting.push(next),
                }
            }
            if !inbox.is_empty() {
                prop_assert!(waiting.iter().all(Waits::is_woken));
            }
        }
        soiree.close().unwrap();
        for mut waits in waiting {
            prop_assert!(waits.is_woken());
            if let Poll::Ready(Ok(received)) = waits.poll() {
                counted += number(received).min(1).abs();
            }
        }
        while let Ok(received) = inbox.recv() {
            counted += number(received).min(1).abs();
        }
        prop_assert_eq!(counted, emitted);
    }
}

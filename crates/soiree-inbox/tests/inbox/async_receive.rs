//! Receiving in async code.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::thread;

use soiree::{EventPool, InboxOptions, Received};
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

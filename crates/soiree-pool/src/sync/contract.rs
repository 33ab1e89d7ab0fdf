//! What the pool asks of its channels. Both kinds keep to it: crossbeam's, and those of the model checker.

use std::time::Duration;

use super::{Arc, Receiver, Select, Sender, TrySendError, bounded, unbounded};

#[cfg(soiree_model)]
use shuttle::thread;
#[cfg(not(soiree_model))]
use std::thread;

/// Longer than any test takes, for either kind.
const NEVER: Duration = Duration::from_secs(1 << 32);
/// Passes in a test, for either kind.
const SOON: Duration = Duration::from_millis(1);

/// Runs the test again and again, under other interleavings.
#[cfg(not(soiree_model))]
fn explore(test: impl Fn() + Send + Sync + 'static) {
    (0..50).for_each(|_| test());
}

#[cfg(soiree_model)]
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || test(), 1_000);
    // Without a second thread there is nothing for it to do, and it says so by panicking.
    let beside = move || {
        let other = thread::spawn(|| {});
        again();
        other.join().unwrap();
    };
    shuttle::check_pct(beside, 1_000, 3);
}

fn recv<T: Send + 'static>(receiver: &Receiver<T>) -> Option<T> {
    let mut select = Select::new();
    select.recv(receiver);
    select.select().recv(receiver).ok()
}

fn recv_soon<T: Send + 'static>(receiver: &Receiver<T>) -> Option<T> {
    let mut select = Select::new();
    select.recv(receiver);
    let selected = select.select_timeout(SOON).ok()?;
    selected.recv(receiver).ok()
}

/// Waits in a select that can also send.
fn send<T: Send + 'static>(sender: &Sender<T>, value: T) -> Result<(), T> {
    let mut select = Select::new();
    select.send(sender);
    let selected = select.select();
    selected.send(sender, value).map_err(|unsent| unsent.0)
}

/// P2: the queue holds so many, and no more.
#[test]
fn a_bounded_channel_is_full_at_its_capacity() {
    explore(|| {
        let (sender, receiver) = bounded(2);
        assert!(receiver.is_empty());
        assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
        assert!(matches!(sender.try_send(3), Err(TrySendError::Full(3))));
        assert_eq!((receiver.len(), receiver.is_empty()), (2, false));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(sender.try_send(4).is_ok());
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(4)));
        assert!(receiver.try_recv().is_err());
    });
}

/// P3: an unbounded channel never refuses, and keeps the order.
#[test]
fn an_unbounded_channel_takes_everything() {
    explore(|| {
        let (sender, receiver) = unbounded();
        (0..100).for_each(|value| sender.send(value).unwrap());
        assert_eq!(receiver.len(), 100);
        assert!((0..100).all(|value| receiver.try_recv() == Ok(value)));
        assert!(receiver.is_empty());
    });
}

/// P2: with a capacity of 0, nothing is ever in the channel.
#[test]
fn a_channel_without_capacity_takes_nothing_that_nobody_waits_for() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        assert!(matches!(sender.try_send(1), Err(TrySendError::Full(1))));
        assert!(receiver.try_recv().is_err());
        assert_eq!((receiver.len(), receiver.is_empty()), (0, true));
    });
}

/// P2, P3: with a capacity of 0, a sender that does not wait reaches a receiver that does.
#[test]
fn a_channel_without_capacity_hands_over_to_one_who_waits() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let waiting = thread::spawn(move || recv(&receiver));
        let mut unsent = 7;
        while let Err(TrySendError::Full(value)) = sender.try_send(unsent) {
            unsent = value;
            thread::yield_now();
        }
        assert_eq!(waiting.join().unwrap(), Some(7));
    });
}

/// P2, P3: with a capacity of 0, a receiver that does not wait reaches a sender that does.
#[test]
fn a_channel_without_capacity_takes_from_one_who_waits() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let waiting = thread::spawn(move || send(&sender, 7));
        let received = loop {
            if let Ok(value) = receiver.try_recv() {
                break value;
            }
            thread::yield_now();
        };
        assert_eq!((received, waiting.join().unwrap()), (7, Ok(())));
    });
}

/// P2, P3: two that wait for each other meet.
#[test]
fn a_sender_and_a_receiver_that_both_wait_meet() {
    for capacity in [0, 1] {
        explore(move || {
            let (sender, receiver) = bounded(capacity);
            let sending = thread::spawn(move || (0..3).all(|value| send(&sender, value).is_ok()));
            assert!((0..3).all(|value| recv(&receiver) == Some(value)));
            assert!(sending.join().unwrap());
            assert_eq!(recv(&receiver), None);
        });
    }
}

/// P3: whoever waits for a place gets it as soon as there is one.
#[test]
fn a_blocked_sender_gets_the_place_that_becomes_free() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        let sending = thread::spawn(move || send(&sender, 2));
        assert_eq!((recv(&receiver), recv(&receiver)), (Some(1), Some(2)));
        assert_eq!(sending.join().unwrap(), Ok(()));
    });
}

/// P3: each value is received once, whoever waits for it and however.
#[test]
fn each_value_is_received_once() {
    for capacity in [0, 1, 2] {
        explore(move || {
            let (sender, receiver) = bounded(capacity);
            let (sender, receiver) = (Arc::new(sender), Arc::new(receiver));
            let sending: Vec<_> = [1_u32, 10]
                .into_iter()
                .map(|value| {
                    let sender = Arc::clone(&sender);
                    thread::spawn(move || (0..2).for_each(|_| send(&sender, value).unwrap()))
                })
                .collect();
            drop(sender);
            let receiving = {
                let receiver = Arc::clone(&receiver);
                thread::spawn(move || std::iter::from_fn(|| recv(&receiver)).sum::<u32>())
            };
            let mut sum = recv_soon(&receiver).unwrap_or(0);
            sum += std::iter::from_fn(|| recv(&receiver)).sum::<u32>();
            sending.into_iter().for_each(|one| one.join().unwrap());
            assert_eq!(sum + receiving.join().unwrap(), 22);
        });
    }
}

/// P3: a value is handed to a receiver that may give up waiting, or comes back, and never both or neither.
#[test]
fn a_value_is_not_lost_to_a_receiver_that_gives_up() {
    explore(|| {
        let (sender, receiver) = bounded(0);
        let waiting = thread::spawn(move || (0..3).find_map(|_| recv_soon(&receiver)));
        let sent = (0..3).any(|_| sender.try_send(7).is_ok());
        assert_eq!(waiting.join().unwrap().is_some(), sent);
    });
}

/// P3: nor to a sender that gives up.
#[test]
fn a_value_is_not_lost_by_a_sender_that_gives_up() {
    for capacity in [0, 1] {
        explore(move || {
            let (sender, receiver) = bounded(capacity);
            let _ = sender.try_send(1);
            let sending = thread::spawn(move || {
                let mut select = Select::new();
                select.send(&sender);
                let selected = select.select_timeout(SOON);
                selected.is_ok_and(|selected| selected.send(&sender, 2).is_ok())
            });
            let early = receiver.try_recv().ok();
            let sent = sending.join().unwrap();
            let all = early.into_iter().chain(receiver.try_recv().ok());
            assert_eq!(all.filter(|value| *value == 2).count(), usize::from(sent));
        });
    }
}

/// P3: a select does one of its operations, and leaves the others as they are.
#[test]
fn a_select_completes_one_operation() {
    explore(|| {
        let ((a, from_a), (b, from_b)) = (unbounded(), bounded(1));
        let sending = thread::spawn(move || {
            a.send(1).unwrap();
            send(&b, 2).unwrap();
        });
        let mut select = Select::new();
        let first = select.recv(&from_a);
        select.recv(&from_b);
        let selected = select.select_timeout(NEVER).expect("values come");
        let taken = match selected.index() == first {
            true => selected.recv(&from_a).unwrap(),
            false => selected.recv(&from_b).unwrap(),
        };
        sending.join().unwrap();
        let left = [from_a.try_recv(), from_b.try_recv()];
        let left: Vec<i32> = left.into_iter().flatten().collect();
        assert_eq!(left, [3 - taken]);
    });
}

/// P5: closing wakes whoever waits for a place, and the value is still there.
#[test]
fn a_select_sees_that_a_channel_is_disconnected() {
    for capacity in [0, 1] {
        explore(move || {
            let (sender, receiver) = bounded(capacity);
            let _ = sender.try_send(0);
            let (closing, closed) = bounded::<()>(0);
            let waiting = thread::spawn(move || {
                let mut select = Select::new();
                select.send(&sender);
                let end = select.recv(&closed);
                let selected = select.select();
                assert_eq!(selected.index(), end);
                selected.recv(&closed).is_err()
            });
            drop(closing);
            assert!(waiting.join().unwrap());
            assert_eq!(receiver.len(), capacity);
        });
    }
}

/// P3: what nobody will receive comes back, and what nobody received is dropped with the channel.
#[test]
fn a_channel_without_receiver_keeps_nothing() {
    explore(|| {
        let value = Arc::new(());
        let (sender, receiver) = bounded(2);
        sender.try_send(Arc::clone(&value)).unwrap();
        drop(receiver);
        let unsent = sender.try_send(Arc::clone(&value)).unwrap_err();
        assert!(matches!(unsent, TrySendError::Disconnected(_)));
        assert!(send(&sender, unsent.into_inner()).is_err());
        drop(sender);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// P7: a select that is to wait so long does, if nothing comes, and takes what is there all the same.
#[test]
fn a_select_ends_at_its_timeout_if_nothing_is_ready() {
    explore(|| {
        let (sender, receiver) = bounded(1);
        assert_eq!(recv_soon(&receiver), None);
        sender.try_send(1).unwrap();
        assert_eq!(recv_soon(&receiver), Some(1));
        let past = std::time::Instant::now();
        for filled in [false, true] {
            let mut select = Select::new();
            select.recv(&receiver);
            let selected = select.select_deadline(past);
            assert_eq!(selected.is_ok(), filled);
            if let Ok(selected) = selected {
                assert_eq!(selected.recv(&receiver), Ok(2));
            }
            let _ = sender.try_send(2);
        }
    });
}

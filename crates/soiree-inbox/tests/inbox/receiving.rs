//! Receiving on threads.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crossbeam_channel::{select, unbounded};
use soiree::{
    Closed, EventPool, InboxOptions, Priority, Received, SubscribeError, Value, WhenFull,
};
use soiree_core::{BaseEvent, Event, ListenerOptions, MAX_CAPACITY, Payload};
use soiree_inbox::{RecvTimeoutError, TryRecvError};

use crate::support::{CountWakes, number};

fn options(capacity: usize, when_full: WhenFull) -> InboxOptions {
    InboxOptions::new(capacity).when_full(when_full)
}

fn all(inbox: &soiree::Inbox) -> Vec<i64> {
    std::iter::from_fn(|| inbox.try_recv().ok().map(number)).collect()
}

/// A4: what it could not hold is an item at its place in the sequence.
#[test]
fn missed_events_are_an_item_at_their_place() {
    let soiree = EventPool::new();
    let oldest = soiree
        .inbox("a.*", options(2, WhenFull::DropOldest))
        .unwrap();
    let newest = soiree
        .inbox("a.*", options(2, WhenFull::DropNewest))
        .unwrap();
    let emit = |numbers: std::ops::Range<i64>| {
        for number in numbers {
            soiree.emit_sync("a.b", number).unwrap();
        }
    };
    emit(1..6);
    assert_eq!(oldest.try_recv().map(number), Ok(-3));
    assert_eq!(newest.try_recv().map(number), Ok(1));
    emit(6..7);
    assert_eq!(all(&oldest), [-1, 5, 6], "4 was dropped for 6");
    assert_eq!(all(&newest), [2, -3, 6]);
    emit(7..8);
    assert_eq!((all(&oldest), all(&newest)), (vec![7], vec![7]));
    assert_eq!(oldest.try_recv().unwrap_err(), TryRecvError::Empty);
}

/// A4: what an inbox yields is a copy with everything that the event had.
#[test]
fn an_inbox_holds_events_with_id_topic_payload_and_properties() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("**", InboxOptions::new(1)).unwrap();
    let event = BaseEvent::new("order.paid", 17_u64).with_property("request", "r-17");
    let id = event.id();
    soiree.emit_event_sync(&event).unwrap();
    let Ok(Received::Event(kept)) = inbox.recv() else {
        panic!("it has one");
    };
    assert_eq!((kept.id(), kept.topic()), (id, "order.paid"));
    assert_eq!(*kept.payload_as::<u64>().unwrap(), 17);
    assert_eq!(kept.properties().get("request"), Some(&Value::from("r-17")));
}

/// A4: an event has one ID, in its emission and in every inbox, whichever asks for it first. From the second `emit_sync` on, the payload is
/// where copies find it.
#[test]
fn copies_of_an_event_share_its_id_and_nothing_that_is_set() {
    for case in 0..4 {
        let (asks_before, is_sync) = (case % 2 == 0, case < 2);
        let soiree = EventPool::new();
        let (sender, seen) = unbounded();
        let ask = move |event: &dyn Event| sender.send(event.id()).unwrap();
        if asks_before {
            let first = ListenerOptions::new().priority(Priority::Highest);
            soiree.on_with("a", first, ask.clone()).unwrap();
        }
        let inboxes = [(); 2].map(|()| soiree.inbox("a", InboxOptions::new(4)).unwrap());
        for round in 0..4_u64 {
            if round == 3 {
                soiree.on("a", ask.clone()).unwrap();
            }
            if is_sync {
                soiree.emit_sync("a", round).unwrap();
            } else {
                soiree.emit("a", round).unwrap().wait();
            }
            let [first, second] = inboxes.each_ref().map(|inbox| match inbox.recv() {
                Ok(Received::Event(event)) => event,
                other => panic!("{other:?}"),
            });
            assert_eq!(first.id(), second.id());
            let asked: Vec<_> = seen.try_iter().collect();
            let times = usize::from(asks_before) + usize::from(round == 3);
            assert_eq!(asked, vec![first.id(); times]);
            first.set_payload(Payload::new(17_u64));
            first.set_aborted(true);
            assert!(!second.is_aborted());
            assert_eq!(second.payload_as::<u64>().as_deref(), Some(&round));
            assert_eq!(first.payload().downcast_ref(), Some(&17_u64));
        }
        let (ids, left) = (seen.try_iter().count(), inboxes.map(|inbox| inbox.len()));
        assert_eq!((ids, left), (0, [0, 0]));
    }
}

/// A4: a channel that takes part in `select!`.
#[test]
fn an_inbox_can_be_selected_with_other_channels() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(4)).unwrap();
    let (sender, other) = unbounded();
    let next = || {
        select! {
            recv(inbox.receiver()) -> queued => inbox.take(queued.unwrap()).map(number),
            recv(other) -> message => message.ok(),
        }
    };
    soiree.emit_sync("a", 1_i64).unwrap();
    assert_eq!(next(), Some(1));
    sender.send(2).unwrap();
    assert_eq!(next(), Some(2));
}

/// A4: a reader that has received an item and not taken it yet still gets every event or its loss.
#[test]
fn items_that_are_received_and_not_taken_are_counted_once() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", options(2, WhenFull::DropOldest)).unwrap();
    let emit = |number: i64| soiree.emit_sync("a", number).map(drop).unwrap();
    (1..4).for_each(emit);
    let first = inbox.receiver().try_recv().unwrap();
    let second = inbox.receiver().try_recv().unwrap();
    (4..9).for_each(emit);
    let mut items = vec![
        inbox.take(first).map(number),
        inbox.take(second).map(number),
    ];
    items.extend(all(&inbox).into_iter().map(Some));
    let events: i64 = items.iter().flatten().filter(|one| **one > 0).count() as i64;
    let missed: i64 = items.iter().flatten().filter(|one| **one < 0).sum();
    assert_eq!(events - missed, 8, "{items:?}");
    assert_eq!(items.last(), Some(&Some(8)));
    let info = inbox.info();
    assert_eq!((info.received + info.missed, info.waiting), (8, 0));
}

/// A4: the options are checked, and the error names the bad value.
#[test]
fn a_bad_option_is_an_error_that_names_it() {
    let soiree = EventPool::new();
    for capacity in [0, MAX_CAPACITY + 1] {
        let error = soiree.inbox("a", InboxOptions::new(capacity)).unwrap_err();
        assert_eq!(error, SubscribeError::InvalidInboxCapacity { capacity });
        assert!(error.to_string().contains(&capacity.to_string()));
    }
    let malformed = soiree.inbox("a..b", InboxOptions::new(1));
    assert!(matches!(malformed, Err(SubscribeError::InvalidPattern(_))));
    assert_eq!(soiree.len(), 0);
}

/// A4: the listener that fills an inbox is one like any other.
#[test]
fn an_inbox_has_the_options_of_a_listener() {
    let soiree = EventPool::new();
    let listener = ListenerOptions::new()
        .name("audit")
        .priority(Priority::High)
        .filter(|event| event.with_payload(|number: &i64| number % 2 == 0) == Some(true));
    let inbox = soiree
        .inbox("a", InboxOptions::new(8).listener(listener))
        .unwrap();
    (1..5_i64).for_each(|number| drop(soiree.emit_sync("a", number).unwrap()));
    assert_eq!(all(&inbox), [2, 4]);
    let listeners = soiree.listeners_for("a").unwrap();
    assert_eq!(listeners[0].name.as_deref(), Some("audit"));
    assert_eq!(listeners[0].priority, Priority::High);
    let here = listeners[0].registered_at.unwrap();
    assert!(here.file().ends_with("receiving.rs"), "{here}");
}

/// A4: waits end.
#[test]
fn a_wait_ends_in_time_and_at_the_end() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", InboxOptions::new(8)).unwrap();
    let timeout = Duration::from_millis(1);
    let late = inbox.recv_timeout(timeout).unwrap_err();
    assert_eq!(late, RecvTimeoutError::TimedOut);
    soiree.emit_sync("a", 7_i64).unwrap();
    soiree.close().unwrap();
    assert_eq!(inbox.recv_timeout(timeout).map(number), Ok(7));
    assert_eq!(
        inbox.recv_timeout(timeout).unwrap_err(),
        RecvTimeoutError::Closed
    );
    assert_eq!(inbox.recv().unwrap_err(), Closed);
    assert_eq!(inbox.try_recv().unwrap_err(), TryRecvError::Closed);
}

/// A4: an item goes to one of several readers.
#[test]
fn several_readers_share_the_items() {
    let soiree = EventPool::new();
    let inbox = Arc::new(soiree.inbox("a", options(4, WhenFull::Block)).unwrap());
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let inbox = Arc::clone(&inbox);
            std::thread::spawn(move || {
                let received = std::iter::from_fn(|| inbox.recv().ok());
                received.map(number).collect::<Vec<_>>()
            })
        })
        .collect();
    (1..=200_i64).for_each(|number| drop(soiree.emit("a", number).unwrap()));
    soiree.close().unwrap();
    let mut received: Vec<i64> = readers
        .into_iter()
        .flat_map(|reader| reader.join().unwrap())
        .collect();
    received.sort_unstable();
    assert_eq!(received, (1..=200).collect::<Vec<_>>());
}

/// A4: an inbox whose channel is asked for late has everything in it, for readers that came before too.
#[test]
fn the_channel_can_be_asked_for_at_any_time() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", options(2, WhenFull::DropOldest)).unwrap();
    let emit = |number: i64| soiree.emit_sync("a", number).map(drop).unwrap();
    (1..5).for_each(emit);
    let queued: Vec<_> = inbox.receiver().try_iter().collect();
    let items = queued.into_iter().map(|queued| inbox.take(queued));
    let items: Vec<_> = items.flatten().map(number).collect();
    assert_eq!(items, [-2, 3, 4]);
    let inbox = soiree.inbox("b", InboxOptions::new(1)).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| inbox.recv().map(number));
        assert!(inbox.receiver().is_empty());
        soiree.emit_sync("b", 5_i64).unwrap();
        assert_eq!(reader.join().unwrap(), Ok(5));
    });
    let ended = soiree.inbox("c", InboxOptions::new(1)).unwrap();
    soiree.emit_sync("c", 6_i64).unwrap();
    soiree.close().unwrap();
    let queued = ended.receiver().recv().unwrap();
    assert_eq!(ended.take(queued).map(number), Some(6));
    assert!(ended.receiver().recv().is_err(), "it has ended");
}

/// A4: an item that is received from the channel and dropped is there again, at its place, so that nothing is lost.
#[test]
fn an_item_that_is_dropped_is_in_the_channel_again() {
    let soiree = EventPool::new();
    let inbox = soiree.inbox("a", options(2, WhenFull::DropOldest)).unwrap();
    let emit = |number: i64| soiree.emit_sync("a", number).map(drop).unwrap();
    // A channel that only wakes the reader.
    let receive = || {
        select! {
            recv(inbox.receiver()) -> queued => {
                drop(queued);
                inbox.try_recv().map(number)
            }
        }
    };
    (1..3).for_each(emit);
    assert_eq!((receive(), receive()), (Ok(1), Ok(2)));
    for round in 0..1_000 {
        emit(round);
        drop(inbox.receiver().try_recv().unwrap());
    }
    assert_eq!(all(&inbox), [-998, 998, 999]);
    (1..3).for_each(emit);
    soiree.close().unwrap();
    assert_eq!((receive(), receive()), (Ok(1), Ok(2)));
    assert_eq!(receive(), Err(TryRecvError::Closed));
    assert!(inbox.receiver().recv().is_err());
}

/// A4: a thread and a task that find nothing but what another reader holds are woken when it is dropped, or taken as the last.
#[test]
fn a_reader_that_waits_gets_what_another_one_drops() {
    for is_taken in [false, true] {
        let soiree = EventPool::new();
        let inbox = soiree.inbox("a", InboxOptions::new(1)).unwrap();
        soiree.emit_sync("a", 7_i64).unwrap();
        let held = inbox.receiver().recv().unwrap();
        soiree.close().unwrap();
        assert_eq!(inbox.try_recv().unwrap_err(), TryRecvError::Empty);
        let received: Vec<_> = std::thread::scope(|scope| {
            let wakes = Arc::new(CountWakes::default());
            let waker = Waker::from(Arc::clone(&wakes));
            let mut task = pin!(inbox.recv_async());
            let mut poll = || task.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(poll().is_pending());
            let thread = scope.spawn(|| inbox.recv().ok().map(number));
            match is_taken {
                true => assert_eq!(inbox.take(held).map(number), Some(7)),
                false => drop(held),
            }
            assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
            let by_thread = thread.join().unwrap();
            let Poll::Ready(by_task) = poll() else {
                panic!("the inbox has ended");
            };
            [by_thread, by_task.ok().map(number)]
                .into_iter()
                .flatten()
                .collect()
        });
        assert_eq!(received, Vec::from_iter((!is_taken).then_some(7)));
    }
}

/// A4: an item of another inbox is not mistaken for one of its own, and goes back.
#[test]
fn an_item_of_another_inbox_goes_back() {
    let soiree = EventPool::new();
    let inboxes = ["a", "b"].map(|topic| soiree.inbox(topic, InboxOptions::new(1)).unwrap());
    soiree.emit_sync("a", 1_i64).unwrap();
    soiree.emit_sync("b", 2_i64).unwrap();
    let [a, b] = &inboxes;
    let queued = a.receiver().recv().unwrap();
    assert!(b.take(queued).is_none());
    assert_eq!((all(a), all(b)), (vec![1], vec![2]));
    let queued = {
        soiree.emit_sync("a", 1_i64).unwrap();
        a.receiver().recv().unwrap()
    };
    drop(inboxes);
    drop(queued);
}
